/// Columns for people: as wide as their widest cell, two blanks between them.
struct Table {
    private let titles: [String]
    private var rows: [[String]] = []
    /// Columns whose cells stand at the right: numbers.
    private let rightAligned: Set<Int>

    init(_ titles: [String], rightAligned: Set<Int> = []) {
        self.titles = titles
        self.rightAligned = rightAligned
    }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// - Parameter empty: leaves out the columns of which all cells are this.
    func print(withoutEmpty empty: String) {
        let kept = titles.indices.filter { column in !rows.allSatisfy { $0[column] == empty } }
        var table = Table(
            kept.map { titles[$0] }, rightAligned: Set(kept.indices.filter { rightAligned.contains(kept[$0]) }))
        for row in rows { table.add(kept.map { row[$0] }) }
        table.print()
    }

    func print() {
        guard !rows.isEmpty else { return }
        let widths = titles.indices.map { column in
            ([titles] + rows).map { $0[column].count }.max() ?? 0
        }
        for row in [titles] + rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += rightAligned.contains(column) ? padding + cell : cell + padding
                line += "  "
            }
            while line.last == " " { line.removeLast() }
            Output.standard.line(line)
        }
    }
}

/// "1 element", "2 elements".
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
