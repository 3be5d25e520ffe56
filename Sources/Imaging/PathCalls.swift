import Glibc

// The system's calls that take a path, for strings as `PathBytes` makes them. A file that imports this module and calls
// `open(path, …)` with a string gets these; Glibc's would be given the string's own bytes, which are not the path's
// where its name is no UTF-8.

/// `open(2)`.
public func open(_ path: String, _ flags: Int32) -> Int32 { path.withPath { Glibc.open($0, flags) } }

/// `open(2)` of a file that may be made.
public func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    path.withPath { Glibc.open($0, flags, mode) }
}

/// `stat(2)`.
public func stat(_ path: String, _ facts: UnsafeMutablePointer<stat>) -> Int32 {
    path.withPath { fstatat(AT_FDCWD, $0, facts, 0) }
}

/// `lstat(2)`.
public func lstat(_ path: String, _ facts: UnsafeMutablePointer<stat>) -> Int32 {
    path.withPath { fstatat(AT_FDCWD, $0, facts, AT_SYMLINK_NOFOLLOW) }
}

/// `access(2)`.
public func access(_ path: String, _ mode: Int32) -> Int32 { path.withPath { Glibc.access($0, mode) } }

/// `opendir(3)`.
public func opendir(_ path: String) -> OpaquePointer? { path.withPath { Glibc.opendir($0) } }

/// `mkdir(2)`.
@discardableResult
public func mkdir(_ path: String, _ mode: mode_t) -> Int32 { path.withPath { Glibc.mkdir($0, mode) } }

/// `rename(2)`.
public func rename(_ old: String, _ new: String) -> Int32 {
    old.withPath { old in new.withPath { Glibc.rename(old, $0) } }
}

/// `link(2)`.
public func link(_ old: String, _ new: String) -> Int32 {
    old.withPath { old in new.withPath { Glibc.link(old, $0) } }
}

/// `unlink(2)`.
@discardableResult
public func unlink(_ path: String) -> Int32 { path.withPath { Glibc.unlink($0) } }

/// `realpath(3)`: the path without links; nil where there is no such file.
public func realPath(_ path: String) -> String? {
    guard let real = path.withPath({ realpath($0, nil) }) else { return nil }
    defer { free(real) }
    return PathBytes.text(real)
}

/// The name of an entry that `readdir` gave.
public func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    let place = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
    return PathBytes.text(place.assumingMemoryBound(to: CChar.self))
}
