// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

/// Command lines of bubblewrap's `bwrap`: a program in namespaces of its own, which ends with the process that started
/// it. Source: bwrap(1).
struct Bubblewrap: Sendable, Equatable {
  /// As the kernel shows it in the name of a process.
  static let name = "bwrap"
  /// Home and temporary files of the program, in memory, gone with it.
  static let scratch = "/tmp"

  let program: FilePath
  /// Devices of GPUs, shown to the program.
  let devices: [FilePath]

  /// Programs and libraries of the system, where they are on one system or another. Nothing in them is secret.
  private static let systemFolders = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/gnu/store",
    "/home/linuxbrew/.linuxbrew",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
    "/etc/OpenCL/vendors", "/etc/vulkan",
    // Processors and memory nodes: the engine chooses its threads by them.
    "/sys/devices/system",
  ]

  /// `plan` in a sandbox: it sees what `access` names and the system's programs, has no capability, no other process,
  /// and unless it is allowed to, no network but a loopback device of its own.
  func confine(_ plan: ChildProcessPlan, _ access: SandboxAccess) -> ChildProcessPlan {
    var confined = plan
    confined.executable = program
    confined.workingDirectory = nil
    confined.wrapper = Self.name
    // Where the home was there is nothing.
    confined.environment["HOME"] = Self.scratch
    confined.environment["TMPDIR"] = Self.scratch
    confined.arguments = arguments(access)
    if let folder = plan.workingDirectory { confined.arguments += ["--chdir", folder.string] }
    confined.arguments += ["--", plan.executable.string] + plan.arguments
    return confined
  }

  private func arguments(_ access: SandboxAccess) -> [String] {
    var arguments = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if !access.usesNetwork { arguments.append("--unshare-net") }
    // Root would keep its capabilities.
    arguments += ["--die-with-parent", "--cap-drop", "ALL"]
    for folder in Self.systemFolders { arguments += ["--ro-bind-try", folder, folder] }
    if access.usesNetwork {
      for file in ["/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"] {
        arguments += ["--ro-bind-try", file, file]
      }
    }
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", Self.scratch]
    for device in devices { arguments += ["--dev-bind-try", device.string, device.string] }
    // Drivers find their cards there.
    if !devices.isEmpty { arguments += ["--ro-bind-try", "/sys", "/sys"] }
    for path in access.readableInOrder { arguments += ["--ro-bind-try", path.string, path.string] }
    // Last, as it may be within a folder above; then the root itself, which holds but mount points.
    if let folder = access.writable { arguments += ["--bind", folder.string, folder.string] }
    return arguments + ["--remount-ro", "/"]
  }
}
