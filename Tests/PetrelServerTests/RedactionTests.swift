// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PetrelServer

@Suite struct RedactionTests {
  private let redaction = Redaction(rules: ["api_key", "password", "sk-????*", "*@*.*"])

  @Test(arguments: [
    // A member's value goes, whatever the spelling of its name.
    (#"{"api_key":"x","n":1}"#, #"{"api_key":"[redacted]","n":1}"#),
    (#"{"API-Key" : "x" }"#, #"{"API-Key" : "[redacted]" }"#),
    (#"{"apiKey":-1.5e3,"a":"api_key"}"#, #"{"apiKey":"[redacted]","a":"api_key"}"#),
    (#"{"api\u005fkey":"x"}"#, #"{"api\u005fkey":"[redacted]"}"#),
    (#"{"password":["a", "b"],"c":["d"]}"#, #"{"password":["[redacted]", "[redacted]"],"c":["d"]}"#),
    (#"{"password":[["a"],"b"],"c":["d"]}"#, #"{"password":"[redacted]","c":["d"]}"#),
    (#"{"password":[null,"a]"]}"#, #"{"password":"[redacted]"}"#), (#"{"password":[]}"#, #"{"password":[]}"#),
    // A schema that has such a member is no secret.
    (#"{"password":{"type":"string"}}"#, #"{"password":{"type":"string"}}"#),
    (#"{"password":{"anyOf":[{"type":"string"}]}}"#, #"{"password":{"anyOf":[{"type":"string"}]}}"#),
    (#"{"password":{"title":"P","type":["string","null"]}}"#, #"{"password":{"title":"P","type":["string","null"]}}"#),
    (
      #"{"password":{"type":"string","default":null,"minLength":8}}"#,
      #"{"password":{"type":"string","default":null,"minLength":8}}"#
    ),
    // Any other object is.
    (#"{"password":{"type":"string","value":"x"},"n":1}"#, #"{"password":"[redacted]","n":1}"#),
    (#"{"password":{"type":"string","default":"x"}}"#, #"{"password":"[redacted]"}"#),
    (#"{"password":{"enum":0,"a":1}}"#, #"{"password":"[redacted]"}"#),
    (#"{"password":{"password":"x"}}"#, #"{"password":"[redacted]"}"#),
    (#"{"password":{"type":"bearer","value":["x}"]},"n":1}"#, #"{"password":"[redacted]","n":1}"#),
    (#"{"password":{"a":{"type":"string"},"b":"x"},"n":1}"#, #"{"password":"[redacted]","n":1}"#),
    (#"{"password":{"value":"secr"#, #"{"password":"[redacted]""#), (#"{"password":{ }}"#, #"{"password":{ }}"#),
    (#"{"password":null,"b":true}"#, #"{"password":null,"b":true}"#),
    // The arguments of tools are JSON in a string.
    (#"{"arguments":"{\"password\":\"x\",\"n\":1}"}"#, #"{"arguments":"{\"password\":\"[redacted]\",\"n\":1}"}"#),
    (
      #"{"arguments":"{\u0022password\u0022:\u0022x\u0022}"}"#, #"{"arguments":"{\"password\":\"[redacted]\"}"}"#
    ),
    // Texts that have been cut, and that are no JSON.
    (#"{"password":"secr"#, #"{"password":"[redacted]""#), (#"{"password":"a\"#, #"{"password":"[redacted]""#),
    (#"{"password":"#, #"{"password":"#), (#"{"password""#, #"{"password""#),
    (#"say "password": 12 now"#, #"say "password": "[redacted]" now"#),
    // Words.
    ("key sk-abcdef, mail me@example.org.", "key [redacted], mail [redacted]"), ("sk-abc", "sk-abc"),
    (#"{"text":"a\nsk-abcdef\tb"}"#, #"{"text":"a\n[redacted]\tb"}"#), ("ask-abcdef", "ask-abcdef"),
    ("", ""), ("\\", "\\"), (#""\u00"#, #""\u00"#), ("größe sk-öäüß", "größe [redacted]"),
  ]) func `Secrets go and the rest stays as it is`(text: String, clean: String) {
    #expect(redaction.apply(text) == clean)
  }

  @Test func `Well-known keys are redacted without being asked to`() {
    let clean = Redaction().apply(#"{"authorization":"Bearer x","a":"hf_abcdefghijklmnopqrst","b":"sk-learn"}"#)
    #expect(clean == #"{"authorization":"[redacted]","a":"[redacted]","b":"sk-learn"}"#)
  }

  @Test func `Nothing in, nothing changed`() {
    let text = #"{"password":"x","k":"sk-abcdef"}"#
    #expect(Redaction(rules: []).apply(text) == text)
  }

  @Test func `Objects that never end are redacted in good time`() {
    let text = String(repeating: #""password":{"enum":0,"#, count: 100_000)
    #expect(redaction.apply(text) == #""password":"[redacted]""#)
    let long = String(repeating: #"{"password":{"type":"object","properties":"#, count: 20_000)
    #expect(redaction.apply(long) == #"{"password":"[redacted]""#)
  }

  @Test func `Patterns with many stars end in good time`() {
    let word = String(repeating: "a", count: 60_000)
    #expect(Redaction(rules: ["*a*a*a*a*b"]).apply(word) == word)
  }
}
