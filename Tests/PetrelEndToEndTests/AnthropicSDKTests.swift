// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Anthropic's own Python client.
  @Suite(.sharedDaemon) struct AnthropicSDKTests {
    @Test(arguments: ["", "/anthropic", "/engines", "/engines/llama.cpp"])
    func clientWorks(base: String) async throws {
      let daemon = try SharedDaemon.current
      let result = try await daemon.scratch.run(
        daemon.scratch.setup.python, ["-"], input: Self.script,
        environment: ["ANTHROPIC_BASE_URL": daemon.url + base, "ANTHROPIC_API_KEY": "unused"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "done\n")
    }

    private static let script = """
      import asyncio
      import anthropic

      client = anthropic.Anthropic(max_retries=0)
      calm = {"type": "disabled"}
      weather = {"name": "get_weather", "description": "Get the weather for a city", "input_schema": {
          "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


      def options(text, **more):
          return {"model": "petrel/demo", "max_tokens": 200, "extra_body": {"temperature": 0},
                  "messages": [{"role": "user", "content": text}], **more}


      answer = client.messages.create(**options("Say hello", thinking=calm))
      assert answer.content[0].text.startswith("Hello"), answer
      assert answer.stop_reason == "end_turn" and answer.id.startswith("msg_"), answer
      count = client.messages.count_tokens(
          model="petrel/demo", messages=[{"role": "user", "content": "Say hello"}], thinking=calm)
      assert count.input_tokens == answer.usage.input_tokens + answer.usage.cache_read_input_tokens, (count, answer)

      if "/anthropic" in str(client.base_url):
          assert [model.id for model in client.models.list()] == ["docker.io/petrel/demo:latest"]
          assert client.models.retrieve("petrel/demo").type == "model"

      called = client.messages.create(**options("What is the weather in Paris?", tools=[weather]))
      call = called.content[-1]
      assert call.type == "tool_use" and call.input == {"city": "Paris"}, called
      assert called.stop_reason == "tool_use", called
      told = client.messages.create(**options("", tools=[weather], messages=[
          {"role": "user", "content": "What is the weather in Paris?"},
          {"role": "assistant", "content": called.content},
          {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id,
                                        "content": '{"temperature": 18, "condition": "sunny"}'}]}]))
      assert "18" in told.content[-1].text, told

      with client.messages.stream(**options("Count from 1 to 10", thinking=calm)) as stream:
          text = "".join(stream.text_stream)
          final = stream.get_final_message()
      assert "1, 2, 3" in text and final.content[0].text == text, (text, final)
      assert final.usage.output_tokens > 0 and final.stop_reason == "end_turn", final

      with client.messages.stream(**options("What is the weather in Paris?", tools=[weather])) as stream:
          kinds = [event.type for event in stream]
          final = stream.get_final_message()
      assert final.content[-1].input == {"city": "Paris"}, final
      assert final.content[0].type == "thinking" and final.content[0].thinking, final
      assert "input_json" in kinds and "thinking" in kinds, kinds

      stopped = client.messages.create(**options("Say hello", thinking=calm, stop_sequences=["help"]))
      assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "help"), stopped


      def failing(kind, **more):
          try:
              client.messages.create(**options("hi", **more))
          except kind as error:
              return error
          raise AssertionError(f"no {kind.__name__}")


      assert failing(anthropic.NotFoundError, model="nope/x").body["error"]["type"] == "not_found_error"
      long = failing(anthropic.BadRequestError, messages=[{"role": "user", "content": "whales " * 5000}])
      assert "prompt is too long" in long.message and "4096" in long.message, long.message


      async def asynchronous():
          async with anthropic.AsyncAnthropic(max_retries=0) as client:
              answers = await asyncio.gather(
                  *[client.messages.create(**options("Say hello", thinking=calm)) for _ in range(3)])
              assert all("Hello" in answer.content[0].text for answer in answers), answers
              async with client.messages.stream(**options("Count from 1 to 10", thinking=calm)) as stream:
                  assert "1, 2, 3" in await stream.get_final_text()


      asyncio.run(asynchronous())
      print("done")
      """
  }
}
