// SPDX-License-Identifier: Apache-2.0

/// What the user typed to get here: `petrel` or `docker model`. Help and error texts speak of it.
enum ProgramName {
  @TaskLocal static var current = "petrel"
}
