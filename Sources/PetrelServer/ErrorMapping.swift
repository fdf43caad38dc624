// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelLibrary
import PetrelOCI
import PetrelScheduling
import PetrelStore

/// Chooses status and body for the errors of the rooms below: the one place that does.
enum ErrorMapping {
  /// Nil for cancellation: nobody is left to read an answer.
  static func openAI(_ error: any Error) -> OpenAIError? {
    switch error {
    case let error as OpenAIError: return error
    case let error as LibraryError:
      guard error.code != .cancelled else { return nil }
      let hint =
        error.code == .notFound ? "; `petrel list` shows the models that are here, `petrel pull` gets others" : ""
      return OpenAIError(status(of: error), error.message + hint, code: code(of: error), param: param(of: error))
    case let error as SchedulingError:
      let retryAfter = error.retryAfter.map { Int($0.components.seconds) } ?? (error.code == .loadFailed ? nil : 5)
      return OpenAIError(
        status(of: error), error.message, code: code(of: error), reason: error.reason, retryAfterSeconds: retryAfter)
    case let error as OCIError:
      return OpenAIError(.badRequest, error.message, code: "invalid_model", param: "model")
    case is CancellationError: return nil
    default: return OpenAIError(.internalServerError, "\(error)")
    }
  }

  /// The plain text of the management API. `operation` says what failed: "pulling", "pushing".
  static func text(_ error: any Error, operation: String) -> TextError? {
    let prefix = "error while \(operation) model: "
    switch error {
    case let error as TextError: return error
    case let error as LibraryError:
      switch error.code {
      case .cancelled: return nil
      // Scripts know these texts from the reference.
      case .notFound where operation == "pulling" || operation == "pushing":
        return TextError(.notFound, "Model not found")
      case .notFound where operation == "getting" || operation == "tagging": return TextError(.notFound, error.message)
      case .unauthorized where operation == "pulling": return TextError(.unauthorized, "Unauthorized")
      case .tokenRequired: return TextError(.unauthorized, "Unauthorized: " + error.message)
      case .invalidReference, .invalidRequest: return TextError(.badRequest, error.message)
      case .unverified: return TextError(status(of: error), error.message)
      default: return TextError(status(of: error), prefix + error.message)
      }
    case let error as SchedulingError: return TextError(status(of: error), error.message)
    case let error as OCIError: return TextError(.badRequest, error.message)
    case is CancellationError: return nil
    default: return TextError(.internalServerError, prefix + "\(error)")
    }
  }

  /// The plain text of the management API under `/engines`.
  static func engines(_ error: any Error) -> TextError? {
    switch error {
    case let error as EngineError:
      return TextError(error.code == .invalidSettings ? .badRequest : .internalServerError, error.message)
    case let error as LibraryError where error.code == .notFound:
      return TextError(.notFound, error.message + "; `petrel pull` gets models")
    case let error as LibraryError where error.code != .cancelled: return TextError(status(of: error), error.message)
    case let error as StoreError: return TextError(.internalServerError, "settings can't be stored: \(error.message)")
    default: return text(error, operation: "managing")
    }
  }

  static func status(of error: LibraryError) -> HTTPResponseStatus {
    switch error.code {
    case .notFound: .notFound
    case .invalidReference, .invalidRequest, .invalidArchive: .badRequest
    case .unauthorized, .tokenRequired: .unauthorized
    case .unverified: .forbidden
    case .unsupportedArtifact, .unsupportedSource: .unprocessableEntity
    case .conflict: .conflict
    case .noSpace: .insufficientStorage
    // Not a gateway's status: clients would repeat what the daemon has repeated already.
    case .registry, .cancelled, .failed: .internalServerError
    }
  }

  private static func status(of error: SchedulingError) -> HTTPResponseStatus {
    switch error.code {
    case .loadFailed: .internalServerError
    case .paused, .overloaded, .insufficientMemory, .shuttingDown, .runnerEnded: .serviceUnavailable
    }
  }

  private static func code(of error: LibraryError) -> String {
    switch error.code {
    case .notFound: "model_not_found"
    case .invalidReference: "invalid_model"
    default: "model_unavailable"
    }
  }

  private static func param(of error: LibraryError) -> String? {
    error.code == .notFound || error.code == .invalidReference ? "model" : nil
  }

  private static func code(of error: SchedulingError) -> String {
    switch error.code {
    case .loadFailed, .paused: "engine_failed"
    case .overloaded: "overloaded"
    case .insufficientMemory: "insufficient_memory"
    case .shuttingDown: "shutting_down"
    case .runnerEnded: "engine_terminated"
    }
  }
}
