/// Gives the least of many first.
struct RankHeap<Element: Comparable> {
    private var items: [Element] = []

    var count: Int { items.count }

    mutating func insert(_ item: Element) {
        items.append(item)
        var position = items.count - 1
        while position > 0 {
            let parent = (position - 1) / 2
            guard items[position] < items[parent] else { return }
            items.swapAt(position, parent)
            position = parent
        }
    }

    mutating func removeFirst() -> Element? {
        guard let last = items.popLast() else { return nil }
        guard let first = items.first else { return last }
        items[0] = last
        var position = 0
        while true {
            let children = [2 * position + 1, 2 * position + 2].filter { $0 < items.count }
            guard let least = children.min(by: { items[$0] < items[$1] }), items[least] < items[position] else {
                return first
            }
            items.swapAt(position, least)
            position = least
        }
    }
}
