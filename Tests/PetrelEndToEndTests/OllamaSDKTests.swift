// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Ollama's own Python client.
  @Suite struct OllamaSDKTests {
    @Test func `The client chats, generates, embeds and loads`() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        try await Self.run(Self.inference, daemon)
      }
    }

    @Test func `The client makes models and moves them between registries`() async throws {
      try await Scratch.with { scratch in
        try await ContainerRegistry.with(in: scratch) { registry in
          try await Daemon.with(in: scratch) { daemon in
            try await daemon.packageDemoModel()
            try await Self.run(Self.models, daemon, ["REGISTRY": registry.host])
          }
        }
      }
    }

    @Test func `The asynchronous client works`() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        try await Self.run(Self.asynchronous, daemon)
      }
    }

    private static func run(
      _ script: String, _ daemon: Daemon, _ environment: [String: String] = [:]
    ) async throws {
      let setup = daemon.scratch.setup
      let result = try await daemon.scratch.run(
        setup.python, ["-"], input: beginning + "\n\n" + script + "\nprint(\"done\")\n",
        environment: environment.merging(["OLLAMA_HOST": daemon.url, "WEIGHTS": setup.weights]) { $1 })
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "done\n")
    }

    /// What all scripts begin with.
    private static let beginning = """
      import asyncio
      import json
      import os

      import ollama

      base = os.environ["OLLAMA_HOST"]
      weights = os.environ["WEIGHTS"]
      client = ollama.Client(host=base)
      model = "petrel/demo"
      full = "docker.io/petrel/demo:latest"
      calm = {"temperature": 0}


      def said(text):
          return [{"role": "user", "content": text}]


      def failing(status, attempt):
          try:
              attempt()
          except ollama.ResponseError as error:
              assert error.status_code == status, (error.status_code, error.error)
              return error.error
          raise AssertionError("no error")
      """

    private static let inference = """
      # Models.
      assert [m.model for m in client.list().models] == [full]
      size = client.list().models[0].size
      assert size > 3_000_000, size
      shown = client.show(model)
      assert shown.modelinfo["general.architecture"] == "qwen3", shown.modelinfo
      assert shown.modelinfo["qwen3.context_length"] == 4096, shown.modelinfo
      assert set(shown.capabilities) >= {"completion", "tools", "thinking"}, shown.capabilities
      assert "tool_call" in shown.template
      assert shown.details.quantization_level == "Q8_0", shown.details

      # Chat.
      answer = client.chat(model, messages=said("Say hello"), options=calm, think=False)
      assert "Hello" in answer.message.content, answer
      assert answer.done and answer.done_reason == "stop", answer
      assert answer.prompt_eval_count > 5 and answer.eval_count > 3, answer
      assert answer.total_duration >= answer.eval_duration > 0 and answer.prompt_eval_duration > 0, answer
      running = client.ps().models
      assert running[0].model == full and running[0].context_length == 4096, running
      pieces = list(client.chat(model, messages=said("Count from 1 to 10"), options=calm, think=False, stream=True))
      text = "".join(p.message.content for p in pieces)
      assert "1, 2, 3" in text, text
      assert pieces[-1].done and pieces[-1].eval_count >= 10, pieces[-1]
      assert not any(p.done for p in pieces[:-1])
      short = client.chat(model, messages=said("Count from 1 to 10"), options={"num_predict": 3, "temperature": 0}, think=False)
      assert short.done_reason == "length" and short.eval_count == 3, short
      stopped = client.chat(model, messages=said("Count from 1 to 10"), options={"stop": ["5"], "temperature": 0}, think=False)
      assert "4" in stopped.message.content and "5" not in stopped.message.content, stopped


      # Tools, and thoughts apart from the answer.
      def get_weather(city: str) -> str:
          '''Get the weather

          Args:
            city: Name of the city
          '''
          return json.dumps({"temperature": 21, "condition": "sunny"})


      for stream in [False, True]:
          question = said("What is the weather in Paris?")
          if stream:
              parts = list(client.chat(model, messages=question, tools=[get_weather], options=calm, stream=True))
              calls = [c for p in parts for c in p.message.tool_calls or []]
              thoughts = "".join(p.message.thinking or "" for p in parts)
          else:
              called = client.chat(model, messages=question, tools=[get_weather], options=calm)
              calls, thoughts = called.message.tool_calls, called.message.thinking
              assert called.done_reason == "stop", called
          assert len(calls) == 1 and calls[0].function.name == "get_weather", calls
          assert "city" in calls[0].function.arguments, calls
          assert "tool" in thoughts and "<think>" not in thoughts, thoughts
      question += [{"role": "assistant", "content": "", "tool_calls": calls},
                   {"role": "tool", "tool_name": "get_weather", "content": get_weather("Paris")}]
      told = client.chat(model, messages=question, tools=[get_weather], options=calm)
      assert "sunny" in told.message.content, told

      # Generate.
      generated = client.generate(model, "My name is Ada.", options=calm, think=False)
      again = client.generate(model, "What is my name?", options=calm, think=False, context=generated.context)
      assert "Ada" in again.response, again
      assert len(again.context) > len(generated.context)
      raw = client.generate(model, "Hello", raw=True, options={"num_predict": 4, "temperature": 0})
      assert raw.eval_count <= 4 and raw.prompt_eval_count == 1 and raw.context is None, raw
      named = client.generate(model, "What is your name?", system="You are Nova.", options=calm, think=False, stream=True)
      assert "Nova" in "".join(p.response for p in named)

      # Formats.
      schema = {"type": "object", "properties": {"age": {"type": "integer", "maximum": 9}}, "required": ["age"]}
      for part in [client.generate(model, "An age as JSON", format=schema, options=calm, think=False).response,
                   client.generate(model, "An age as JSON", format=schema, options=calm, raw=True).response,
                   client.chat(model, messages=said("An age"), format=schema, options=calm, think=False).message.content]:
          assert isinstance(json.loads(part)["age"], int), part

      # Embeddings.
      vectors = client.embed(model, ["one", "two"])
      assert len(vectors.embeddings) == 2 and len(vectors.embeddings[0]) == 256
      assert vectors.prompt_eval_count >= 2 and vectors.total_duration > 0
      single = client.embeddings(model, "one").embedding
      assert max(abs(a - b) for a, b in zip(single, vectors.embeddings[0])) < 1e-5
      cut = client.embed(model, "one", dimensions=16).embeddings[0]
      assert len(cut) == 16 and abs(sum(x * x for x in cut) - 1) < 1e-6

      # Loading and unloading.
      assert client.generate(model, "", keep_alive=0).done_reason == "unload"
      assert client.ps().models == []
      assert client.generate(model, "", keep_alive="5m").done_reason == "load"
      assert client.ps().models[0].expires_at.year > 2000
      small = client.chat(model, messages=said("Say hello"), options={"num_ctx": 512, **calm}, think=False, keep_alive=-1)
      assert "Hello" in small.message.content
      assert client.ps().models[0].context_length == 512, client.ps()


      failing(404, lambda: client.chat("nope/x", messages=said("hi")))
      failing(404, lambda: list(client.chat("nope/x", messages=said("hi"), stream=True)))
      failing(404, lambda: client.show("nope/x"))
      failing(404, lambda: client.delete("nope/x"))
      long = failing(400, lambda: list(client.chat(model, messages=said("whales " * 5000), stream=True)))
      assert "4096" in long and "50" in long, long
      failing(400, lambda: client.chat(model, messages=said("hi"), options={"temperature": "hot"}))
      failing(400, lambda: client.generate(model, "hi", images=[b"\\x89PNG\\r\\n\\x1a\\n"]))
      failing(400, lambda: client.generate(model, "def f(", suffix="return 1"))
      """

    private static let models = """
      # Making models.
      client.copy(model, "petrel/copy")
      assert "docker.io/petrel/copy:latest" in [m.model for m in client.list().models]
      client.delete("petrel/copy")
      assert client.create(model="petrel/nova", from_=model, system="You are Nova.",
                           parameters={"temperature": 0, "num_ctx": 1024}, license="Free").status == "success"
      nova = client.chat("petrel/nova", messages=said("What is your name?"), think=False)
      assert "Nova" in nova.message.content, nova
      assert [m.context_length for m in client.ps().models if "nova" in m.model] == [1024], client.ps()
      about = client.show("petrel/nova")
      assert about.license == "Free" and "temperature" in about.parameters and "SYSTEM" in about.modelfile, about
      digest = client.create_blob(weights)
      lines = list(client.create(model="petrel/uploaded", files={"model.gguf": digest}, stream=True))
      assert lines[-1].status == "success", lines
      uploaded = client.chat("petrel/uploaded", messages=said("Say hello"), options=calm, think=False)
      assert "Hello" in uploaded.message.content
      failing(400, lambda: client.create(model="petrel/none", files={"m.gguf": "sha256:" + "0" * 64}))

      # Registries.
      target = os.environ["REGISTRY"]
      remote = f"{target}/petrel/pushed:v1"
      client.copy("petrel/nova", remote)
      assert [p.status for p in client.push(remote, stream=True)][-1] == "success"
      client.delete(remote)
      client.delete("petrel/nova")
      assert client.pull(remote).status == "success"
      lines = list(client.pull(remote, stream=True))
      assert lines[0].status == "pulling manifest" and lines[-1].status == "success", lines
      pulled = client.chat(remote, messages=said("What is your name?"), think=False)
      assert "Nova" in pulled.message.content, pulled
      failing(404, lambda: client.pull(f"{target}/petrel/missing:v1"))
      """

    private static let asynchronous = """
      async def together():
          client = ollama.AsyncClient(host=base)
          digest = await client.create_blob(weights)
          made = await client.create(model="petrel/uploaded", files={"model.gguf": digest})
          assert made.status == "success", made
          answers = await asyncio.gather(*[
              client.chat(model, messages=said("Say hello"), options=calm, think=False) for _ in range(4)])
          assert all("Hello" in a.message.content for a in answers)
          text = ""
          async for part in await client.generate(model, "Count from 1 to 10", options=calm, think=False, stream=True):
              text += part.response
          assert "1, 2, 3" in text, text
          assert len((await client.embed(model, "one")).embeddings) == 1
          assert len((await client.list()).models) >= 2
          await client.delete("petrel/uploaded")


      asyncio.run(together())
      """
  }
}
