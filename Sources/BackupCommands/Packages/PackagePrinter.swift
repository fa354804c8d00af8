import BackupModel

/// Prints the rows of an answer in the form that was asked for.
struct PackagePrinter {
    /// One row in all the forms there are.
    struct Row {
        /// Canonical, without a newline.
        let json: () -> String
        /// As many as there are names.
        let values: () -> [String]
        let cells: () -> [String]
    }

    private let isJSON: Bool
    private let isCSV: Bool
    private var table: Table

    /// - Parameters:
    ///   - names: the columns of CSV.
    ///   - titles: the columns for people.
    init(_ format: PackageFormatOptions, names: [String], titles: [String], rightAligned: Set<Int> = []) {
        isJSON = format.json.isOn
        isCSV = format.isCSV
        table = Table(titles, rightAligned: rightAligned)
        if isCSV { Output.standard.csv(names) }
    }

    mutating func add(_ row: Row) {
        if isJSON {
            Output.standard.line(row.json())
        } else if isCSV {
            Output.standard.csv(row.values())
        } else {
            table.add(row.cells())
        }
    }

    /// Prints what was kept to find the width of the columns. A column in which nobody has anything is left out.
    func end() { table.print(withoutEmpty: "-") }

    /// A sentence for people in place of an empty table.
    func say(_ text: String) {
        if !isJSON, !isCSV { Output.standard.line(text) }
    }

    /// Says what the answer rests on, behind it.
    static func notes(_ notes: [String]) {
        Output.standard.flush()
        for note in notes { Output.warning(note) }
    }
}

extension Output {
    /// Writes a line of comma-separated values as RFC 4180 has them.
    func csv(_ values: [String]) { line(values.map(Self.quoted).joined(separator: ",") + "\r") }

    private static func quoted(_ value: String) -> String {
        guard value.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else { return value }
        var text = "\""
        for character in value.unicodeScalars {
            if character == "\"" { text.unicodeScalars.append("\"") }
            text.unicodeScalars.append(character)
        }
        return text + "\""
    }
}
