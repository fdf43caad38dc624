// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// OpenAI's own Python client.
  @Suite(.sharedDaemon) struct OpenAISDKTests {
    @Test(arguments: ["/v1", "/engines/v1", "/engines/llama.cpp/v1", "/exp/vDD4.40/engines/v1"])
    func clientWorks(base: String) async throws {
      let daemon = try SharedDaemon.current
      let result = try await daemon.scratch.run(
        daemon.scratch.setup.python, ["-"], input: Self.script,
        environment: ["OPENAI_BASE_URL": daemon.url + base, "OPENAI_API_KEY": "unused"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "done\n")
    }

    private static let script = """
      import openai

      client = openai.OpenAI(max_retries=0)
      model = "petrel/demo"
      calm = {"chat_template_kwargs": {"enable_thinking": False}}


      def ask(text, **options):
          return client.chat.completions.create(
              model=model, messages=[{"role": "user", "content": text}], temperature=0, extra_body=calm, **options)


      assert [m.id for m in client.models.list()] == ["docker.io/petrel/demo:latest"]
      assert client.models.retrieve(model).id == "docker.io/petrel/demo:latest"

      answer = ask("Say hello")
      assert "Hello" in answer.choices[0].message.content, answer
      assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

      pieces = list(ask("Count from 1 to 10", stream=True, stream_options={"include_usage": True}))
      text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
      assert "1, 2, 3" in text, text
      assert pieces[-1].usage.completion_tokens > 0, pieces[-1]

      completion = client.completions.create(model=model, prompt="Hello", max_tokens=5, extra_body={"ignore_eos": True})
      assert completion.usage.completion_tokens == 5, completion

      embeddings = client.embeddings.create(model=model, input=["one", "two"])
      assert len(embeddings.data) == 2
      assert len(embeddings.data[0].embedding) == 256
      floats = client.embeddings.create(model=model, input="one", encoding_format="float")
      assert abs(floats.data[0].embedding[0] - embeddings.data[0].embedding[0]) < 1e-5

      short = client.embeddings.create(model=model, input=["one", "two"], dimensions=8)
      assert [len(d.embedding) for d in short.data] == [8, 8]
      assert abs(sum(x * x for x in short.data[0].embedding) - 1) < 1e-5
      assert short.data[0].embedding[0] * embeddings.data[0].embedding[0] > 0

      weather = {"type": "function", "function": {"name": "get_weather", "parameters": {
          "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
      called = ask("What is the weather in Paris?", tools=[weather])
      call = called.choices[0].message.tool_calls[0]
      assert call.function.name == "get_weather", call
      assert "city" in call.function.arguments, call


      def failing(kind, attempt):
          try:
              attempt()
          except kind as error:
              return error
          raise AssertionError(f"no {kind.__name__}")


      missing = failing(openai.NotFoundError, lambda: client.chat.completions.create(
          model="nope/x", messages=[{"role": "user", "content": "hi"}]))
      assert missing.code == "model_not_found", missing.body
      assert missing.param == "model", missing.body
      failing(openai.NotFoundError, lambda: client.models.retrieve("nope/x"))
      long = failing(openai.BadRequestError, lambda: ask("whales " * 5000))
      assert "4096" in long.message, long.message
      print("done")
      """
  }
}
