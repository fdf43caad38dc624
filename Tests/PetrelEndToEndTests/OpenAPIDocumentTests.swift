// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

extension EndToEnd {
  /// Answers are what the OpenAPI document says.
  @Suite(.sharedDaemon) struct OpenAPIDocumentTests {
    @Test func answersAreAsDescribed() async throws {
      let daemon = try SharedDaemon.current
      let result = try await daemon.scratch.run(
        daemon.scratch.setup.python, ["-", daemon.url], input: Self.script)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.hasPrefix("checked "))
    }

    private static let script = """
      import json, sys, urllib.error, urllib.parse, urllib.request
      import jsonschema

      base = sys.argv[1]


      def send(method, path, body=None):
          data = None if body is None else json.dumps(body).encode()
          request = urllib.request.Request(base + path, data, method=method)
          try:
              with urllib.request.urlopen(request) as answer:
                  return answer.status, answer.headers.get_content_type(), answer.read()
          except urllib.error.HTTPError as error:
              return error.code, error.headers.get_content_type(), error.read()


      status, kind, raw = send("GET", "/openapi.json")
      assert status == 200 and kind == "application/json"
      document = json.loads(raw)


      def resolve(node):
          while "$ref" in node:
              target = document
              for part in node["$ref"][2:].split("/"):
                  target = target[part]
              node = target
          return node


      def validate(value, schema):
          whole = dict(schema, components=document["components"])
          jsonschema.Draft202012Validator(whole).validate(value)


      checked = 0


      def check(method, template, body=None, want=200, valid=True, query="", **parts):
          global checked
          operation = document["paths"][template][method.lower()]
          path = template
          for name, value in parts.items():
              path = path.replace("{" + name + "}", urllib.parse.quote(value))
          if body is not None:
              schema = operation["requestBody"]["content"]["application/json"]["schema"]
              ok = True
              try:
                  validate(body, schema)
              except jsonschema.ValidationError:
                  ok = False
              assert ok == valid, (method, path, body, ok)
          status, kind, raw = send(method, path + query, body)
          assert status == want, (method, path, body, status, raw[:500])
          responses = operation["responses"]
          response = resolve(responses.get(str(status)) or responses["default"])
          content = response.get("content", {})
          assert bool(raw) == bool(content) or not raw, (path, raw[:200])
          if raw:
              assert kind in content, (path, kind, list(content))
              if kind == "application/json":
                  validate(json.loads(raw), content[kind]["schema"])
              else:
                  validate(raw.decode(), content[kind]["schema"])
          checked += 1


      model = "petrel/demo"
      chat = {"model": model, "messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 8}
      weather = {"type": "function", "function": {"name": "get_weather", "parameters": {
          "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
      check("GET", "/")
      check("GET", "/health")
      check("GET", "/version")
      check("GET", "/openapi.json")
      check("GET", "/logs")
      check("GET", "/models")
      check("GET", "/models/{name}", name=model)
      check("GET", "/models/{name}", name=model, query="?artifact=true")
      check("GET", "/models/{name}", name="nope", want=404)
      check("GET", "/v1/models")
      check("GET", "/v1/models/{name}", name=model)
      check("GET", "/v1/models/{name}", name="nope", want=404)
      check("POST", "/v1/chat/completions", chat)
      check("POST", "/v1/chat/completions", dict(chat, stream=True, stream_options={"include_usage": True}))
      check("POST", "/v1/chat/completions", dict(chat, tools=[weather], tool_choice="auto", n=2))
      check("POST", "/v1/chat/completions", dict(chat, logprobs=True, top_logprobs=2))
      check("POST", "/v1/chat/completions", dict(chat, response_format={"type": "json_object"}))
      for wrong in [
          {"temperature": 3}, {"top_p": -1}, {"max_tokens": -7}, {"n": 0}, {"stop": 5}, {"stream": "yes"},
          {"response_format": {"type": "yaml"}}, {"tools": [{"type": "search"}]}, {"tool_choice": "perhaps"},
          {"messages": []}, {"reasoning_effort": "huge"}, {"logprobs": 5}, {"parallel_tool_calls": "x"},
      ]:
          check("POST", "/v1/chat/completions", dict(chat, **wrong), want=400, valid=False)
      check("POST", "/v1/chat/completions", dict(chat, model="nope"), want=404)
      check("POST", "/v1/completions", {"model": model, "prompt": "Hello", "max_tokens": 4, "logprobs": 2})
      check("POST", "/v1/completions", {"model": model, "prompt": ["a", "b"], "max_tokens": 2})
      check("POST", "/v1/completions", {"model": model, "prompt": "a", "suffix": "b"}, want=400, valid=False)
      check("POST", "/v1/embeddings", {"model": model, "input": "whales"})
      check("POST", "/v1/embeddings", {"model": model, "input": [[5, 6], [7]], "encoding_format": "base64"})
      check("POST", "/v1/embeddings", {"model": model, "input": "x", "encoding_format": "hex"}, want=400, valid=False)
      check("POST", "/v1/embeddings", {"model": model, "input": [1.5]}, want=400)
      check("POST", "/v1/embeddings", {"model": model, "input": "x", "dimensions": 8})
      check("POST", "/v1/embeddings", {"model": model, "input": "x", "dimensions": 0}, want=400, valid=False)
      check("POST", "/v1/embeddings", {"model": model, "input": "x", "dimensions": 9999}, want=400)
      check("POST", "/v1/messages", dict(chat))
      check("POST", "/v1/messages", dict(chat, stream=True))
      check("POST", "/v1/messages", dict(chat, model="nope"), want=404)
      check("POST", "/v1/messages/count_tokens", {"model": model, "messages": chat["messages"]})
      check("POST", "/tokenize", {"model": model, "content": "whales"})
      check("POST", "/tokenize", {"model": model, "content": "whales", "with_pieces": True})
      check("POST", "/detokenize", {"model": model, "tokens": [5, 6]})
      check("POST", "/detokenize", {"model": model, "tokens": [99999999]}, want=400)
      check("POST", "/infill", {"model": model, "input_prefix": "a", "input_suffix": "b"}, want=501)
      check("GET", "/engines/status")
      check("GET", "/engines/ps")
      check("GET", "/engines/df")
      check("GET", "/engines/_configure")
      check("GET", "/engines/requests")
      check("POST", "/models/{name}/tag", name=model, query="?repo=petrel/other&tag=v1", want=201)
      check("DELETE", "/models/{name}", name="petrel/other:v1")
      check("DELETE", "/models/{name}", name="petrel/other:v1", want=404)
      check("POST", "/models/prune", {"dry_run": True})
      check("POST", "/engines/unload", {"models": [model]})
      print("checked", checked)
      """
  }
}
