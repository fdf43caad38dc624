// SPDX-License-Identifier: Apache-2.0

import PetrelSigning
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file with a key, or with several public ones.
struct KeyFile {
  /// Where the user's own pair is, in `PETREL_HOME`, without the suffixes.
  static let defaultName = "keys/signing"
  private static let maximumSize = 64 * 1024

  let path: FilePath

  init(_ path: FilePath) { self.path = path }

  /// The private key that `name` tells, or the user's own.
  static func signing(_ name: String?, in context: CommandContext) throws -> KeyFile {
    if let name { return KeyFile(context.resolve(name)) }
    let path = context.petrelHome.appending(defaultName + ".key")
    guard FileManager.default.fileExists(atPath: path.string) else {
      throw CommandError(
        .fileSystem,
        "there is no key to sign with at \(path); make one with `\(ProgramName.current) key generate`, or name one "
          + "with --key")
    }
    return KeyFile(path)
  }

  func signingKey() throws -> SigningKey { try SigningKey(pem: try text(), origin: path.string) }

  func verificationKeys() throws -> [VerificationKey] {
    try VerificationKey.read(pem: try text(), origin: path.string)
  }

  func text() throws -> String {
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var bytes: [UInt8] = []
        // A pipe gives its content in pieces.
        while bytes.count <= Self.maximumSize {
          let piece = try [UInt8](unsafeUninitializedCapacity: Self.maximumSize) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
          }
          guard !piece.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
          bytes += piece
        }
        throw CommandError(.fileSystem, "\(path) is too large for a key")
      }
    } catch let error as Errno {
      throw CommandError(.fileSystem, "the key \(path) can't be read: \(error)")
    }
  }

  /// Writes a file that was not there before, or none.
  func write(_ text: String, permissions: FilePermissions) throws {
    do {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: permissions)
      do {
        _ = try file.closeAfter { try file.writeAll(text.utf8) }
      } catch {
        remove()
        throw error
      }
    } catch Errno.fileExists {
      throw CommandError(.fileExists, "\(path) is there already; choose another place with --output")
    } catch let error as Errno {
      throw CommandError(.fileSystem, "\(path) can't be written: \(error)")
    }
  }
  /// Takes back what ``write(_:permissions:)`` has written.
  func remove() { try? FileManager.default.removeItem(atPath: path.string) }
}
