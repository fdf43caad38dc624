// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the operating system tells about a terminal. All platform code of terminals lives here.
package struct TerminalDevice: Sendable {
  package struct Size: Sendable, Equatable {
    package var columns: Int
    package var rows: Int

    package init(columns: Int, rows: Int) {
      self.columns = columns
      self.rows = rows
    }
  }

  /// How the terminal treated keys before it was made raw.
  package struct SavedMode: @unchecked Sendable {
    // termios is a plain C struct without pointers.
    fileprivate var settings: termios
  }

  package let descriptor: FileDescriptor

  package init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  package var isTerminal: Bool { isatty(descriptor.rawValue) == 1 }

  /// Whether reading can give a program's output: a pipe, a file or a socket, but not a terminal or `/dev/null`.
  package var isRedirected: Bool {
    var status = stat()
    guard fstat(descriptor.rawValue, &status) == 0 else { return false }
    return status.st_mode & S_IFMT != S_IFCHR
  }

  /// Nil when there is no terminal or it does not know.
  package var size: Size? {
    var window = winsize()
    guard ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return nil }
    return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
  }

  /// Hands over each key at once: no echo, no line editing, no signals from keys. Output is not changed.
  package func makeRaw() throws(TerminalError) -> SavedMode {
    var settings = termios()
    guard tcgetattr(descriptor.rawValue, &settings) == 0 else {
      throw TerminalError(
        .notATerminal, "standard input is not a terminal: give the prompt as an argument or pipe it in")
    }
    let saved = SavedMode(settings: settings)
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    settings.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR | IGNCR)
    guard tcsetattr(descriptor.rawValue, TCSADRAIN, &settings) == 0 else {
      throw TerminalError(.notATerminal, "cannot switch the terminal to reading single keys")
    }
    return saved
  }

  package func restore(_ mode: SavedMode) {
    var settings = mode.settings
    _ = tcsetattr(descriptor.rawValue, TCSADRAIN, &settings)
  }

  /// Whether a read would return at once, be it with bytes or with the end of the input.
  package func isReadable(within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }

  /// Stops this job as Ctrl+Z does; returns when the user brings it back.
  package static func suspendJob() { _ = kill(0, SIGTSTP) }
}
