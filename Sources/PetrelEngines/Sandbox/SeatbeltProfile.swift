// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

/// Rules for macOS's `sandbox-exec`: everything is allowed but what they deny, and the last rule that fits counts.
enum SeatbeltProfile {
  static let program: FilePath = "/usr/bin/sandbox-exec"

  static func confine(_ plan: ChildProcessPlan, _ access: SandboxAccess) -> ChildProcessPlan {
    var confined = plan
    confined.executable = program
    confined.arguments = ["-p", text(access), plan.executable.string] + plan.arguments
    for name in ["HOME", "TMPDIR"] { confined.environment[name] = access.writable?.string }
    return confined
  }

  static func text(_ access: SandboxAccess) -> String {
    var rules = ["(version 1)", "(allow default)", "(deny job-creation)"]
    if !access.usesNetwork { rules.append("(deny network*)") }
    rules += ["(deny file-write*)", "(allow file-write* (literal \"/dev/null\"))"]
    for folder in ["/Users", "/Volumes", "/private/tmp", "/private/var/folders", "/private/var/root"] {
      rules.append("(deny file-read* (subpath \(quoted(FilePath(folder)))))")
    }
    if let home = access.home { rules.append("(deny file-read* (subpath \(quoted(home))))") }
    // Looking at folders on the way to a file, and not at their contents.
    rules.append("(allow file-read-metadata)")
    rules += access.readableInOrder.map { "(allow file-read* (subpath \(quoted($0))))" }
    if let folder = access.writable.map(quoted) {
      rules += [
        "(allow file-read* file-write* (subpath \(folder)))", "(deny process-exec* (subpath \(folder)))",
        "(allow network-bind network-inbound (subpath \(folder)))",
      ]
    }
    return rules.joined(separator: "\n")
  }

  /// A string of the profile's language, which is a Scheme. Rules are about paths without symbolic links.
  private static func quoted(_ path: FilePath) -> String {
    "\"" + Executable.realPath(path).string.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
