/// Whether `path` is `directory` or lies below it, both absolute. Symlinks are not followed: nothing is looked up.
func isPath(_ path: String, within directory: String) -> Bool {
    pathParts(path).starts(with: pathParts(directory))
}

/// Whether two absolute paths name the same place, symlinks aside.
func isSamePath(_ left: String, _ right: String) -> Bool { pathParts(left) == pathParts(right) }

private func pathParts(_ path: String) -> [Substring] {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
        if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts
}
