// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Testing

extension EndToEnd {
  /// The Responses API with a real engine, by OpenAI's own Python client and by curl.
  @Suite struct ResponsesTests {
    @Test(arguments: ["/v1", "/engines/v1", "/engines/llama.cpp/v1"])
    func clientWorks(base: String) async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let result = try await daemon.scratch.run(
          daemon.scratch.setup.python, ["-"], input: Self.script,
          environment: ["OPENAI_BASE_URL": daemon.url + base, "OPENAI_API_KEY": "unused"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == "done\n")
      }
    }

    @Test func conversationsSurviveTheEndOfADaemonThatIsKilled() async throws {
      try await Scratch.with { scratch in
        let ask = #"{"model":"petrel/demo","temperature":0,"reasoning":{"effort":"none"},"#
        let id = try await Daemon.with(in: scratch, status: 137) { daemon in
          try await daemon.packageDemoModel()
          let answer = try await daemon.curl("/v1/responses", body: ask + #""input":"My name is Tom."}"#)
          let id = try #require(try answer.json["id"].string)
          Processes.send(.kill, to: daemon.pid)
          return id
        }
        try await Daemon.with(in: scratch) { daemon in
          #expect(try await daemon.curl("/v1/responses/\(id)").json["status"].string == "completed")
          let answer = try await daemon.curl(
            "/v1/responses", body: ask + #""input":"What is my name?","previous_response_id":"\#(id)"}"#)
          #expect(answer.body.contains("Tom"), "\(answer.body)")
        }
      }
    }

    private static let script = """
      import asyncio
      import openai

      client = openai.OpenAI(max_retries=0)
      calm = {"effort": "none"}
      weather = {"type": "function", "name": "get_weather", "description": "Get the weather for a city",
                 "strict": True, "parameters": {
                     "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


      def options(prompt, **more):
          return {"model": "petrel/demo", "temperature": 0, "input": prompt, **more}


      first = client.responses.create(**options("My name is Tom.", reasoning=calm, metadata={"a": "b"}))
      assert first.status == "completed" and first.output_text and first.metadata == {"a": "b"}, first
      assert first.usage.total_tokens == first.usage.input_tokens + first.usage.output_tokens, first
      second = client.responses.create(
          **options("What is my name?", reasoning=calm, previous_response_id=first.id))
      assert "Tom" in second.output_text, second
      assert second.previous_response_id == first.id, second
      assert second.usage.input_tokens_details.cached_tokens > 0, second

      got = client.responses.retrieve(second.id)
      assert got.output_text == second.output_text and got.created_at == second.created_at, got
      items = list(client.responses.input_items.list(second.id))
      assert [item.content[0].text for item in items] == ["What is my name?"], items
      client.responses.delete(second.id)
      try:
          client.responses.retrieve(second.id)
          raise AssertionError("it is still there")
      except openai.NotFoundError as error:
          assert error.code == "response_not_found", error

      asked = client.responses.create(**options("What is the weather in Paris?", tools=[weather]))
      call = [item for item in asked.output if item.type == "function_call"][0]
      assert call.name == "get_weather" and "Paris" in call.arguments, call
      told = client.responses.create(**options(
          [{"type": "function_call_output", "call_id": call.call_id,
            "output": '{"temperature": 18, "condition": "sunny"}'}], tools=[weather], previous_response_id=asked.id))
      assert "18" in told.output_text, told

      events = list(client.responses.create(**options("What is the weather in Paris?", tools=[weather], stream=True)))
      kinds = [event.type for event in events]
      assert [event.sequence_number for event in events] == list(range(len(events))), kinds
      assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed", kinds
      done = [event for event in events if event.type == "response.function_call_arguments.done"][0]
      assert "Paris" in done.arguments, done
      assert client.responses.retrieve(events[-1].response.id).output == events[-1].response.output

      with client.responses.stream(**options("Count from 1 to 10", reasoning=calm)) as stream:
          text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
          final = stream.get_final_response()
      assert "1, 2, 3" in text and final.output_text == text, (text, final)

      thought = client.responses.create(**options("What is the weather in Paris?", tools=[weather]))
      assert thought.output[0].type == "reasoning" and thought.output[0].content[0].text, thought

      short = client.responses.create(**options("Tell me about the fall of Rome.", max_output_tokens=16, reasoning=calm))
      assert short.status == "incomplete" and short.incomplete_details.reason == "max_output_tokens", short
      shaped = client.responses.create(**options("Say hello", reasoning=calm, max_output_tokens=40, text={"format": {
          "type": "json_schema", "name": "zip", "strict": True, "schema": {
              "type": "object", "properties": {"zip": {"type": "integer"}}, "required": ["zip"],
              "additionalProperties": False}}}))
      assert shaped.output_text.replace(" ", "").startswith('{"zip":'), shaped


      def failing(kind, **more):
          try:
              client.responses.create(**options("hi", **more))
          except kind as error:
              return error
          raise AssertionError(f"no {kind.__name__}")


      assert failing(openai.NotFoundError, model="nope/x").code == "model_not_found"
      assert failing(openai.BadRequestError, previous_response_id="resp_x").code == "previous_response_not_found"
      assert failing(openai.BadRequestError, tools=[{"type": "web_search"}]).param == "tools[0].type"
      assert "4096" in failing(openai.BadRequestError, input="whales " * 5000).message


      async def asynchronous():
          async with openai.AsyncOpenAI(max_retries=0) as client:
              answers = await asyncio.gather(
                  *[client.responses.create(**options("Say hello", reasoning=calm)) for _ in range(3)])
              assert all("Hello" in answer.output_text for answer in answers), answers
              async with client.responses.stream(**options("Count from 1 to 10", reasoning=calm)) as stream:
                  assert "1, 2, 3" in (await stream.get_final_response()).output_text


      asyncio.run(asynchronous())
      print("done")
      """
  }
}
