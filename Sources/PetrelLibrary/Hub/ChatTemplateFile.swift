// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Finds the Jinja chat template in a JSON file of a repository: `chat_template.json`, `tokenizer_config.json`.
enum ChatTemplateFile {
  /// The member `chat_template`: a text, or a list of named ones of which `default` counts. Nil when there is none.
  static func template(in json: [UInt8]) -> String? {
    guard let view = try? JSONDecoder().decode(View.self, from: Data(json)) else { return nil }
    return view.text.isEmpty ? nil : view.text
  }

  private struct View: Decodable {
    struct Named: Decodable {
      let name: String
      let template: String
    }

    let text: String

    enum CodingKeys: String, CodingKey {
      case template = "chat_template"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      if let text = try? container.decode(String.self, forKey: .template) {
        self.text = text
        return
      }
      let named = try container.decode([Named].self, forKey: .template)
      text = (named.first { $0.name == "default" } ?? named.first)?.template ?? ""
    }
  }
}
