// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Stops every way in which bytes come into the store before each change that it makes to the disk, as a crash would,
/// and then lets a new process look: what has a blob's name has its bytes, the model that was there is whole, what had
/// come is not asked for again, and the work can be done to its end. The same with a disk that is full at each change.
@Suite struct IngestCrashTests {
  @Test(arguments: IngestWay.allCases)
  func aCrashAtAnyStepLosesNothing(_ way: IngestWay) async throws {
    try await IngestScene.repeating(way) { step, scene, fuse in
      let moment: Comment = "\(way) stopped at step \(step)"
      fuse.blow(after: step)
      _ = try? await way.run(scene, isFirst: true)
      let isBlown = fuse.isBlown
      fuse.forget()

      var later = scene
      // As a new process would: nothing is known but what is on the disk.
      later.store = try await ModelStore.open(at: scene.root, logger: quietLogger, isExclusive: false)
      try await later.expectSound(moment)
      let isThere = try await later.store.contains(way.blob)
      let kept = way == .stream || way == .resumedStream ? later.partialSize : scene.written.value
      try await way.run(later, isFirst: false)
      // Of what was there as a whole nothing is asked for.
      #expect(isThere || kept == way.blob.size || later.found.value >= kept, moment)
      try await later.expectDone(way, moment)
      return isBlown
    }
  }

  /// The kinds of changes that need space.
  private static let needy: Set<DiskChange.Kind> = [.create, .write, .sync, .makeFolder, .link, .clone]

  @Test(arguments: IngestWay.allCases)
  func aFullDiskIsSaidAndHarmsNothing(_ way: IngestWay) async throws {
    try await IngestScene.repeating(way) { number, scene, fuse in
      let moment: Comment = "\(way) refused at \(number)"
      // Removing and renaming still work, as on a real disk.
      fuse.refuse(.noSpace, Self.needy, after: number)
      do {
        try await way.run(scene, isFirst: true)
      } catch let error as StoreError where error.code != .digestMismatch {
        #expect(error.code == .noSpace, "\(moment): \(error)")
        #expect(error.message.contains("free some space"), "\(moment): \(error)")
      } catch is StoreError {}
      let isBlown = fuse.isBlown
      fuse.forget()
      #expect(try scene.temporaryNames.isEmpty, moment)
      try await scene.expectSound(moment)
      try await way.run(scene, isFirst: false)
      try await scene.expectDone(way, moment)
      return isBlown
    }
  }
}

/// How bytes come into a store.
enum IngestWay: String, CaseIterable {
  /// In one stream: from the start, on top of a part, with all there, with wrong bytes.
  case stream, resumedStream, wholeStream, wrongStream
  /// In chunks: from the start, on top of some, on top of a prefix that another program left, with a wrong chunk.
  case chunks, resumedChunks, prefixedChunks, wrongChunk
  /// From a file of this machine.
  case copiedFile, linkedFile, adoptedCopy, adoptedLink
  /// From a client that does not say how long it is.
  case upload
  /// Out of an archive, into a bundle.
  case unpacking

  var blob: Descriptor {
    [.chunks, .resumedChunks, .prefixedChunks, .wrongChunk].contains(self) ? ChunkScene.blob : IngestScene.blob
  }

  /// What has to be there before the part that is cut short.
  func prepare(_ scene: IngestScene) async throws {
    let blob = IngestScene.blob
    switch self {
    case .resumedStream: try write(Array(IngestScene.content[..<900_000]), to: scene.store.layout.partial(blob.digest))
    case .wholeStream: try write(IngestScene.content, to: scene.store.layout.partial(blob.digest))
    case .resumedChunks: try await ChunkScene.leaveSome(scene.store)
    case .prefixedChunks:
      try write(Array(ChunkScene.content[..<250_000]), to: scene.store.layout.partial(ChunkScene.blob.digest))
    default: break
    }
  }

  /// - Parameter isFirst: whether wrong bytes come, for the ways that are about them.
  func run(_ scene: IngestScene, isFirst: Bool) async throws {
    let store = scene.store
    switch self {
    case .stream, .resumedStream, .wholeStream: try await scene.stream(IngestScene.content)
    case .wrongStream:
      try await scene.stream(isFirst ? [1] + IngestScene.content.dropFirst() : IngestScene.content)
    case .chunks, .resumedChunks, .prefixedChunks: try await scene.bringChunks()
    case .wrongChunk: try await scene.bringChunks(wrong: isFirst ? 3 : nil)
    case .copiedFile, .linkedFile: _ = try await store.take(scene.localFile(), mayLink: self == .linkedFile)
    case .adoptedCopy, .adoptedLink:
      let hold = try await store.hold([])
      _ = try await store.adopt(
        scene.file, expecting: IngestScene.blob.digest, mayLink: self == .adoptedLink, hold: hold)
    case .upload:
      let (body, send) = AsyncStream.makeStream(of: [UInt8].self)
      for start in stride(from: 0, to: IngestScene.content.count, by: 800_000) {
        send.yield(Array(IngestScene.content[start...].prefix(800_000)))
      }
      send.finish()
      _ = try await store.receive(IngestScene.blob.digest, from: body)
    case .unpacking: _ = try await store.bundle(for: #require(try await store.find(scene.model)))
    }
  }
}

/// A number that a value can share.
final class Tally: Sendable {
  private let state = Mutex(0)
  var value: Int { state.withLock { $0 } }
  func add(_ count: Int) { state.withLock { $0 += count } }
  func set(_ count: Int) { state.withLock { $0 = count } }
}

/// A store with a model that has an archive, and a file outside of it.
struct IngestScene {
  /// Written in three pieces.
  static let content = (0..<2_300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
  static let blob = descriptor(content)
  private static let archived = bytes("a file of an archive")

  var store: ModelStore
  let root: FilePath
  let file: FilePath
  let model: Digest
  /// Bytes of whole chunks that have been written.
  let written = Tally()
  /// Bytes of chunks that were there at the start.
  let found = Tally()

  /// Calls `body` again and again, each time with a number that is one higher and a fresh copy of a store that is
  /// prepared for the way, until it returns false.
  static func repeating(_ way: IngestWay, _ body: (Int, IngestScene, Fuse) async throws -> Bool) async throws {
    try await withScratch { folder in
      let template = folder.appending("template")
      let file = folder.appending("weights.gguf")
      try write(content, to: file)
      var scene: IngestScene? = try await make(template, file)
      if let scene { try await way.prepare(scene) }
      let model = try #require(scene).model
      scene = nil
      var number = 0
      var goesOn = true
      while goesOn {
        let root = folder.appending("\(number)")
        try FileManager.default.copyItem(atPath: template.string, toPath: root.string)
        let fuse = Fuse()
        goesOn = try await body(
          number,
          IngestScene(store: try await openStore(root, fuse: fuse), root: root, file: file, model: model), fuse)
        try FileManager.default.removeItem(atPath: root.string)
        // What a link has taken away.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.string)
        number += 1
      }
      // Without that the test would look at nothing.
      #expect(number > 2)
      #expect(try contents(file) == content)
    }
  }

  private static func make(_ root: FilePath, _ file: FilePath) async throws -> IngestScene {
    let store = try await openStore(root)
    let size = Int64(archived.count)
    let padding = [UInt8](repeating: 0, count: Int(TarHeader.padding(after: size)))
    let archive = TarHeader.file(name: "sub/note.txt", mode: 0o644, size: size) + archived + padding + TarHeader.end
    let model = try SampleModel([(MediaType.gguf, "w", bytes("weights")), (MediaType.directoryTar, nil, archive)])
    return IngestScene(store: store, root: root, file: file, model: try await model.add(to: store, tag: "kept").id)
  }

  func localFile() throws -> LocalBlob {
    let stamp = PlatformFile.Stamp(try file.stat())
    return LocalBlob(
      path: file, digest: Self.blob.digest, size: stamp.size, device: stamp.file.device, inode: stamp.file.inode,
      modified: Int64(stamp.seconds) * 1_000_000_000 + Int64(stamp.nanoseconds))
  }

  func stream(_ content: [UInt8]) async throws {
    _ = try await store.withIngest(of: Self.blob.digest, size: Self.blob.size) { writer in
      found.set(Int(writer.offset))
      try await writer.append(content[Int(writer.offset)...])
    }
  }

  /// Brings the missing chunks one by one, and others in place of those that are wrong.
  func bringChunks(wrong: Int? = nil) async throws {
    try await ChunkScene.ingest(store) { blob in
      found.set(Int(blob.received))
      written.add(Int(blob.received))
      for range in blob.missing {
        var bytes = Array(ChunkScene.content[Int(range.lowerBound)..<Int(range.upperBound)])
        if blob.layout.chunk(at: range.lowerBound) == wrong { bytes[5] ^= 1 }
        try await blob.write([bytes], at: range.lowerBound)
        written.add(range.count)
      }
      guard case .differs = try await blob.verdict() else { return }
      // A chunk that is being replaced may be lost, but no other.
      written.add(-ChunkScene.chunk)
      for chunk in 0..<blob.layout.count {
        let range = blob.layout.range(of: chunk)
        _ = try await blob.replace(
          chunk, with: Array(ChunkScene.content[Int(range.lowerBound)..<Int(range.upperBound)]))
      }
    }
  }

  /// Bytes that have come in one stream.
  var partialSize: Int { Int((try? store.layout.partial(Self.blob.digest).stat().size) ?? 0) }

  var temporaryNames: [String] {
    get throws {
      try [root, store.layout.blobs, store.layout.bundles].flatMap { try names(in: $0) }
        .filter(StoreLayout.isTemporary)
    }
  }

  /// What has a final name is what the name says, and the model that was there is.
  func expectSound(_ moment: Comment) async throws {
    for name in try names(in: store.layout.blobs) where name.utf8.count == 64 {
      #expect(Digest(of: try contents(store.layout.blobs.appending(name))).hex == name, moment)
    }
    #expect(try await store.list().map(\.id) == [model], moment)
    #expect(try await check(store).filter { $0.kind.isDamage }.isEmpty, moment)
  }

  func expectDone(_ way: IngestWay, _ moment: Comment) async throws {
    try await expectSound(moment)
    if way == .unpacking {
      let bundle = try await store.bundle(for: #require(try await store.find(model)))
      #expect(try contents(bundle.modelDirectory.appending("sub").appending("note.txt")) == Self.archived, moment)
    } else {
      #expect(try await store.contains(way.blob), moment)
    }
    store.sweepLeftovers(now: .distantFuture)
    #expect(try temporaryNames.isEmpty, moment)
    #expect(try names(in: store.layout.blobs).allSatisfy { $0.utf8.count == 64 }, moment)
  }
}
