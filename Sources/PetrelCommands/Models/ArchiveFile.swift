// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model's archive as a file.
enum ArchiveFile {
  /// Calls `body` with a sink for the file's bytes. A regular file appears when it is whole, in the place of an older
  /// one; pipes and devices get the bytes as they come.
  ///
  /// - Parameter path: absolute.
  static func write(to path: FilePath, _ body: (_ sink: ([UInt8]) throws -> Void) async throws -> Void) async throws {
    let type = try? path.stat().type
    guard type != .directory else { throw CommandError(.fileSystem, "\(path) is a folder; name a file in it") }
    let isReplaced = type == nil || type == .regular
    let target =
      isReplaced
      ? FilePath(path.string + ".tmp-" + String(UInt64.random(in: .min ... .max), radix: 36)) : path
    do {
      let options: FileDescriptor.OpenOptions =
        isReplaced ? [.create, .exclusiveCreate, .closeOnExec] : .closeOnExec
      let file = try FileDescriptor.open(
        target, .writeOnly, options: options, permissions: [.ownerReadWrite, .groupRead, .otherRead])
      do {
        try await body { bytes in _ = try file.writeAll(bytes) }
        try file.close()
      } catch {
        try? file.close()
        if isReplaced { try? FileManager.default.removeItem(atPath: target.string) }
        throw error
      }
      if isReplaced { try AtomicRename.move(target, to: path) }
    } catch let error as Errno {
      throw CommandError(.fileSystem, "cannot write \(path): \(error)")
    }
  }

  /// The bytes of the archive at `path`, `-` standing for standard input, with their number when it is known.
  static func open(_ path: String, _ context: CommandContext) throws -> (chunks: Chunks, byteCount: Int64?) {
    guard path != "-" else { return (Chunks(input: .standardInput(context)), nil) }
    let resolved = context.resolve(path)
    do {
      let file = try FileDescriptor.open(resolved, .readOnly, options: .closeOnExec)
      let status = try file.stat()
      guard status.type != .directory else {
        try file.close()
        throw CommandError(
          .fileSystem, "\(path) is a folder; name an archive that `export` or `package --output` wrote")
      }
      return (Chunks(input: .file(OpenFile(file))), status.type == .regular ? status.size : nil)
    } catch let error as Errno {
      throw CommandError(.fileSystem, "cannot read \(path): \(error)")
    }
  }

  /// Closes the file with the last reference.
  final class OpenFile: Sendable {
    let descriptor: FileDescriptor
    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }
    deinit { try? descriptor.close() }
  }

  struct Chunks: AsyncSequence, Sendable {
    typealias Element = [UInt8]

    enum Input: Sendable {
      case file(OpenFile)
      case standardInput(CommandContext)
    }

    static let chunkSize = 1 << 20

    let input: Input

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(input: input) }

    struct AsyncIterator: AsyncIteratorProtocol {
      let input: Input

      mutating func next() async throws -> [UInt8]? {
        try Task.checkCancellation()
        let bytes: [UInt8]
        switch input {
        case .standardInput(let context): bytes = try await context.input.read(upTo: chunkSize)
        case .file(let file):
          bytes = try [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
            count = try file.descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
          }
        }
        return bytes.isEmpty ? nil : bytes
      }
    }
  }
}
