// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// The vendors' Python clients in every mode: whole answers and streams, synchronous and asynchronous, each with
  /// thoughts, a call of a tool, and what the model makes of the tool's result.
  @Suite(.sharedDaemon) struct SDKModeTests {
    @Test func `OpenAI's client has chats in all modes`() async throws {
      try await Self.run(Self.openAIChats)
    }

    @Test func `OpenAI's client has responses in all modes`() async throws {
      try await Self.run(Self.openAIResponses)
    }

    @Test func `Anthropic's client has messages in all modes`() async throws {
      try await Self.run(Self.anthropicMessages)
    }

    @Test func `Ollama's client has chats in all modes`() async throws {
      try await Self.run(Self.ollamaChats)
    }

    private static func run(_ script: String) async throws {
      let daemon = try SharedDaemon.current
      let result = try await daemon.scratch.run(
        daemon.scratch.setup.python, ["-"], input: beginning + "\n\n" + script + "\n\n" + end,
        environment: ["BASE": daemon.url])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "done\n")
    }

    /// What all scripts begin with. `Turn` is what the scripts make of an answer in any of the modes.
    private static let beginning = """
      import asyncio
      import collections
      import inspect
      import json
      import os

      base = os.environ["BASE"]
      model = "petrel/demo"
      question = "What is the weather in Paris?"
      report = json.dumps({"temperature": 18, "condition": "sunny"})
      parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
      Turn = collections.namedtuple("Turn", "text thoughts calls")


      async def asked(stream, result):
          '''All of a stream, or the one answer, of either kind of client.'''
          if inspect.iscoroutine(result):
              result = await result
          if not stream:
              return result
          return [event async for event in result] if hasattr(result, "__aiter__") else list(result)
      """

    /// What all scripts end with: they define `clients`, and `ask(client, stream, call)`, where `call` is the call that has
    /// been answered, or None.
    private static let end = """
      async def check():
          for client in clients:
              for stream in [False, True]:
                  where = (type(client).__name__, stream)
                  turn = await ask(client, stream, None)
                  assert "tool" in turn.thoughts and "<think>" not in turn.thoughts, (where, turn)
                  assert [(name, arguments) for _, name, arguments in turn.calls] == [
                      ("get_weather", {"city": "Paris"})], (where, turn)
                  assert turn.calls[0][0] and not turn.text.strip(), (where, turn)
                  told = await ask(client, stream, turn.calls[0])
                  assert "18" in told.text and not told.calls, (where, told)


      asyncio.run(check())
      print("done")
      """

    private static let openAIChats = """
      import openai

      common = {"base_url": base + "/v1", "api_key": "unused", "max_retries": 0}
      clients = [openai.OpenAI(**common), openai.AsyncOpenAI(**common)]
      weather = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}


      async def ask(client, stream, call):
          messages = [{"role": "user", "content": question}]
          if call:
              messages += [
                  {"role": "assistant", "content": None, "tool_calls": [{"id": call[0], "type": "function", "function": {
                      "name": call[1], "arguments": json.dumps(call[2])}}]},
                  {"role": "tool", "tool_call_id": call[0], "content": report}]
          more = {"stream_options": {"include_usage": True}} if stream else {}
          answer = await asked(stream, client.chat.completions.create(
              model=model, messages=messages, tools=[weather], temperature=0, stream=stream, **more))
          if not stream:
              message = answer.choices[0].message
              assert answer.choices[0].finish_reason == ("stop" if call else "tool_calls"), answer
              return Turn(message.content or "", getattr(message, "reasoning_content", ""), [
                  (c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []])
          assert answer[-1].usage.completion_tokens > 0 and not answer[-1].choices, answer[-1]
          choices = [chunk.choices[0] for chunk in answer if chunk.choices]
          assert [c.finish_reason for c in choices if c.finish_reason] == ["stop" if call else "tool_calls"], choices
          calls = {}
          for part in [part for choice in choices for part in choice.delta.tool_calls or []]:
              known = calls.setdefault(part.index, {"id": part.id, "name": part.function.name, "arguments": ""})
              assert part.id in (None, known["id"]), (part, known)
              known["arguments"] += part.function.arguments or ""
          return Turn(
              "".join(c.delta.content or "" for c in choices),
              "".join(getattr(c.delta, "reasoning_content", None) or "" for c in choices),
              [(c["id"], c["name"], json.loads(c["arguments"])) for c in calls.values()])
      """

    private static let openAIResponses = """
      import openai

      common = {"base_url": base + "/v1", "api_key": "unused", "max_retries": 0}
      clients = [openai.OpenAI(**common), openai.AsyncOpenAI(**common)]
      weather = {"type": "function", "name": "get_weather", "parameters": parameters, "strict": False}
      last = None


      async def ask(client, stream, call):
          global last
          given = [{"type": "function_call_output", "call_id": call[0], "output": report}] if call else question
          more = {"previous_response_id": last} if call else {}
          answer = await asked(stream, client.responses.create(
              model=model, input=given, tools=[weather], temperature=0, stream=stream, **more))
          if stream:
              assert [event.sequence_number for event in answer] == list(range(len(answer))), answer
              text = "".join(e.delta for e in answer if e.type == "response.output_text.delta")
              thoughts = "".join(e.delta for e in answer if e.type == "response.reasoning_text.delta")
              arguments = "".join(e.delta for e in answer if e.type == "response.function_call_arguments.delta")
              answer = answer[-1].response
              assert answer.output_text == text, (answer, text)
              assert "".join(i.arguments for i in answer.output if i.type == "function_call") == arguments, answer
          else:
              thoughts = "".join(p.text for i in answer.output if i.type == "reasoning" for p in i.content)
          assert answer.status == "completed", answer
          last = answer.id
          return Turn(answer.output_text, thoughts, [
              (i.call_id, i.name, json.loads(i.arguments)) for i in answer.output if i.type == "function_call"])
      """

    private static let anthropicMessages = """
      import anthropic

      common = {"base_url": base, "api_key": "unused", "max_retries": 0}
      clients = [anthropic.Anthropic(**common), anthropic.AsyncAnthropic(**common)]
      weather = {"name": "get_weather", "input_schema": parameters}


      async def ask(client, stream, call):
          messages = [{"role": "user", "content": question}]
          if call:
              messages += [
                  {"role": "assistant", "content": [
                      {"type": "tool_use", "id": call[0], "name": call[1], "input": call[2]}]},
                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call[0], "content": report}]}]
          answer = await asked(stream, client.messages.create(
              model=model, messages=messages, tools=[weather], max_tokens=200, stream=stream,
              extra_body={"temperature": 0}))
          if not stream:
              assert answer.stop_reason == ("end_turn" if call else "tool_use"), answer
              blocks = answer.content
              return Turn(
                  "".join(b.text for b in blocks if b.type == "text"),
                  "".join(b.thinking for b in blocks if b.type == "thinking"),
                  [(b.id, b.name, b.input) for b in blocks if b.type == "tool_use"])
          events = [event for event in answer if event.type != "ping"]
          assert events[0].type == "message_start" and events[-1].type == "message_stop", events
          assert events[-2].delta.stop_reason == ("end_turn" if call else "tool_use"), events
          starts = [e.content_block for e in events if e.type == "content_block_start"]
          assert [e.index for e in events if e.type == "content_block_stop"] == list(range(len(starts))), events
          deltas = [e.delta for e in events if e.type == "content_block_delta"]
          arguments = "".join(d.partial_json for d in deltas if d.type == "input_json_delta")
          return Turn(
              "".join(d.text for d in deltas if d.type == "text_delta"),
              "".join(d.thinking for d in deltas if d.type == "thinking_delta"),
              [(b.id, b.name, json.loads(arguments)) for b in starts if b.type == "tool_use"])
      """

    private static let ollamaChats = """
      import ollama

      clients = [ollama.Client(host=base), ollama.AsyncClient(host=base)]
      weather = {"type": "function", "function": {"name": "get_weather", "description": "", "parameters": parameters}}


      async def ask(client, stream, call):
          messages = [{"role": "user", "content": question}]
          if call:
              messages += [
                  {"role": "assistant", "content": "", "tool_calls": [
                      {"function": {"name": call[1], "arguments": call[2]}}]},
                  {"role": "tool", "tool_name": call[1], "content": report}]
          answer = await asked(stream, client.chat(
              model, messages=messages, tools=[weather], options={"temperature": 0}, stream=stream))
          parts = answer if stream else [answer]
          assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True], parts
          assert parts[-1].done_reason == "stop" and parts[-1].eval_count > 0, parts[-1]
          return Turn(
              "".join(p.message.content or "" for p in parts), "".join(p.message.thinking or "" for p in parts),
              [(True, c.function.name, dict(c.function.arguments)) for p in parts for c in p.message.tool_calls or []])
      """
  }
}
