// SPDX-License-Identifier: Apache-2.0

import Testing

/// One value of a field that is sent to the daemon, and what must become of it.
struct FieldCase: Sendable {
  enum Outcome: Sendable {
    /// The engine gets at least this.
    case reaches(String)
    /// The engine gets the request, without these members.
    case absent([String])
    /// It is answered with 200, and this is in the answer.
    case answers(String)
    /// The answer is a 400 with this text, and the engine is not asked.
    case refused(String)

    var isRefusal: Bool { if case .refused = self { true } else { false } }
    var isPassing: Bool { if case .reaches = self { true } else { false } }
  }

  /// As the document writes it.
  let field: String
  /// Members of the request.
  let members: String
  let outcome: Outcome
  /// In place of the suite's own.
  var path: String?

  init(_ field: String, _ members: String, _ outcome: Outcome, path: String? = nil) {
    self.field = field
    self.members = members
    self.outcome = outcome
    self.path = path
  }

  /// A field that goes to the engine as it is.
  static func same(_ field: String, _ value: String) -> FieldCase {
    FieldCase(field, "\"\(field)\":\(value)", .reaches("{\"\(field)\":\(value)}"))
  }

  /// A value that is refused by the field's name.
  static func wrong(_ field: String, _ value: String) -> FieldCase {
    FieldCase(field, "\"\(field)\":\(value)", .refused(field))
  }
}

/// Cases beside the table of a document, which must have the same fields.
struct FieldSuite: Sendable {
  let table: DocumentTable
  let path: String
  /// The members of every request; those of the case take their places.
  let base: [(String, String)]
  let cases: [FieldCase]

  /// - Parameter others: fields of the table that are looked at elsewhere.
  func run(on engine: EchoEngine, except others: Set<String> = []) async throws {
    expectSameFields(except: others)
    for one in cases { try await run(one, on: engine) }
  }

  private func expectSameFields(except others: Set<String>) {
    let tested = Set(cases.map(\.field))
    let documented = Set(table.rows.flatMap(\.names))
    #expect(documented.subtracting(tested).subtracting(others) == [], "documented, and not tested")
    #expect(tested.subtracting(table.rows.flatMap(\.mentioned)) == [], "tested, and not documented")
    for row in table.rows {
      let outcomes = cases.filter { row.names.contains($0.field) }.map(\.outcome)
      guard !outcomes.isEmpty else { continue }
      if row.state.lowercased().contains("refused") {
        #expect(outcomes.contains { $0.isRefusal }, "no refusal of \(row.names)")
      }
      if row.state.contains("passed on") || row.state.contains("supported") {
        #expect(outcomes.contains { !$0.isRefusal }, "nothing that is taken of \(row.names)")
      }
    }
  }

  private func run(_ one: FieldCase, on engine: EchoEngine) async throws {
    let given = try JSON(parsing: "{\(one.members)}").names
    let members = base.filter { !given.contains($0.0) }.map { "\"\($0.0)\":\($0.1)" } + [one.members]
    let body = "{\(members.filter { !$0.isEmpty }.joined(separator: ","))}"
    let before = engine.count
    let answer = try await engine.daemon.curl(one.path ?? path, body: body)
    switch one.outcome {
    case .refused(let text):
      #expect(answer.status == 400, "\(body): \(answer.body)")
      #expect(answer.body.contains(text), "\(body): \(answer.body)")
      #expect(engine.count == before, "\(body) reached the engine")
    case .answers(let text):
      #expect(answer.status == 200, "\(body): \(answer.body)")
      #expect(answer.body.contains(text), "\(body): \(answer.body)")
    case .reaches(let wanted):
      #expect(answer.status == 200, "\(body): \(answer.body)")
      guard engine.count > before else {
        Issue.record("\(body) did not reach the engine: \(answer.body)")
        return
      }
      let got = try engine.last().body
      #expect(try JSON(parsing: got).has(try JSON(parsing: wanted)), "\(body) became \(got)")
    case .absent(let names):
      #expect(answer.status == 200, "\(body): \(answer.body)")
      guard engine.count > before else {
        Issue.record("\(body) did not reach the engine: \(answer.body)")
        return
      }
      let got = try JSON(parsing: try engine.last().body)
      #expect(got.names.isDisjoint(with: names), "\(body) became \(got)")
    }
  }
}

extension JSON {
  /// Whether it has everything that `other` has; objects may have more.
  func has(_ other: JSON) -> Bool {
    switch (self, other) {
    case (.object(let own), .object(let wanted)):
      wanted.allSatisfy { name, value in own[name].map { $0.has(value) } ?? false }
    case (.array(let own), .array(let wanted)):
      own.count == wanted.count && zip(own, wanted).allSatisfy { $0.has($1) }
    default: self == other
    }
  }
}
