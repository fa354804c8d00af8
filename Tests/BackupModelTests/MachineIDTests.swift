import BackupModel
import Testing

@Suite struct MachineIDTests {
    @Test func newOnesAreVersion4AndDiffer() throws {
        var generator = SystemRandomNumberGenerator()
        let ids = Set((0..<1000).map { _ in MachineID(using: &generator) })
        #expect(ids.count == 1000)
        for id in ids {
            let bytes = Array(id.description.utf8)
            #expect(bytes.count == 36)
            #expect(bytes[14] == UInt8(ascii: "4"))
            #expect(Array("89ab".utf8).contains(bytes[19]))
            #expect(try MachineID(id.description) == id)
        }
    }

    @Test func upperCaseIsTheSame() throws {
        let text = "0A1B2C3D-4e5f-4a6b-8c7d-001122334455"
        #expect(try MachineID(text) == MachineID(text.lowercased()))
        #expect(try MachineID(text).description == text.lowercased())
    }

    @Test(arguments: [
        "", "-", "0a1b2c3d4e5f4a6b8c7d001122334455", "0a1b2c3d-4e5f-4a6b-8c7d-00112233445",
        "0a1b2c3d-4e5f-4a6b-8c7d-0011223344556", "0a1b2c3g-4e5f-4a6b-8c7d-001122334455",
        "0a1b2c3d-4e5f-4a6b-8c7d-001122334455\n", "{0a1b2c3d-4e5f-4a6b-8c7d-001122334455}",
        "0a1b2c3d-4e5f-4a6b-8c7d-00112233445é",
    ])
    func nothingElseIsTaken(text: String) {
        let error = #expect(throws: BackupError.self) { try MachineID(text) }
        #expect(error?.code == .invalidValue)
    }
}
