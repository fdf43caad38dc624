// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Frameworks that bring clients of their own: whole answers and streams, synchronous and asynchronous, with tools.
  @Suite(.sharedDaemon) struct FrameworkClientTests {
    @Test(arguments: ["/v1", "/engines/v1"])
    func `LangChain's OpenAI client works`(base: String) async throws {
      try await Self.run(Self.langChain, base: base)
    }

    @Test(arguments: ["/v1", "/engines/llama.cpp/v1"])
    func `LlamaIndex's client for servers like OpenAI's works`(base: String) async throws {
      try await Self.run(Self.llamaIndex, base: base)
    }

    @Test(arguments: [
      ("openai", "/v1"), ("hosted_vllm", "/v1"), ("lm_studio", "/v1"),
      ("docker_model_runner", "/engines/llama.cpp/v1"), ("anthropic", ""), ("anthropic", "/anthropic"),
      ("ollama_chat", ""),
    ])
    func `LiteLLM works with each dialect`(provider: String, base: String) async throws {
      try await Self.run(Self.liteLLM, base: base, ["PROVIDER": provider])
    }

    @Test func `LiteLLM has responses, messages, embeddings, completions and errors`() async throws {
      try await Self.run(Self.liteLLMBeyondChat, base: "")
    }

    private static func run(
      _ script: String, base: String, _ environment: [String: String] = [:]
    ) async throws {
      let daemon = try SharedDaemon.current
      let result = try await daemon.scratch.run(
        daemon.scratch.setup.frameworksPython, ["-"], input: beginning + "\n\n" + script + "\nprint(\"done\")\n",
        environment: [
          "BASE": daemon.url + base,
          // It would ask the web for prices.
          "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        ].merging(environment) { $1 })
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.hasSuffix("done\n"), "\(result.output)")
    }

    /// What all scripts begin with.
    private static let beginning = """
      import asyncio
      import json
      import os

      base = os.environ["BASE"]
      model = "petrel/demo"
      calm = {"chat_template_kwargs": {"enable_thinking": False}}
      question = "What is the weather in Paris?"
      report = json.dumps({"temperature": 18, "condition": "sunny"})
      """

    private static let langChain = """
      from langchain_core.messages import HumanMessage
      from langchain_core.tools import tool
      from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

      common = {"base_url": base, "api_key": "unused", "model": model, "temperature": 0, "max_retries": 0}
      quiet = ChatOpenAI(extra_body=calm, stream_usage=True, **common)


      @tool
      def get_weather(city: str) -> str:
          '''Get the weather for a city'''
          return report


      thinking = ChatOpenAI(**common).bind_tools([get_weather])

      answer = quiet.invoke("Say hello")
      assert answer.content.startswith("Hello"), answer
      assert answer.usage_metadata["output_tokens"] > 0, answer
      pieces = list(quiet.stream("Count from 1 to 10"))
      assert "1, 2, 3" in "".join(p.content for p in pieces) and len(pieces) > 5, pieces
      assert [p.usage_metadata["output_tokens"] for p in pieces if p.usage_metadata][-1] > 5, pieces

      called = thinking.invoke(question)
      assert [(c["name"], c["args"]) for c in called.tool_calls] == [("get_weather", {"city": "Paris"})], called
      told = thinking.invoke([HumanMessage(question), called, get_weather.invoke(called.tool_calls[0])])
      assert "18" in told.content, told
      whole = None
      for piece in thinking.stream(question):
          whole = piece if whole is None else whole + piece
      assert [c["args"] for c in whole.tool_calls] == [{"city": "Paris"}], whole
      assert whole.response_metadata["finish_reason"] == "tool_calls", whole

      schema = {"title": "person", "type": "object", "properties": {"age": {"type": "integer", "maximum": 99}},
                "required": ["age"]}
      shaped = quiet.with_structured_output(schema, method="json_schema").invoke("An age")
      assert isinstance(shaped["age"], int), shaped

      responses = ChatOpenAI(use_responses_api=True, **common)
      called = responses.bind_tools([get_weather]).invoke(question)
      assert called.tool_calls[0]["args"] == {"city": "Paris"}, called
      assert called.content[0]["type"] == "reasoning", called
      streamed = list(responses.stream("Count from 1 to 10"))
      assert "1, 2, 3" in "".join(p.text for p in streamed), streamed
      whole = None
      for piece in responses.bind_tools([get_weather]).stream(question):
          whole = piece if whole is None else whole + piece
      assert [c["args"] for c in whole.tool_calls] == [{"city": "Paris"}], whole

      # Without tokens of OpenAI's own, which it would have to fetch a table for.
      vectors = OpenAIEmbeddings(base_url=base, api_key="unused", model=model, check_embedding_ctx_length=False)
      assert [len(v) for v in vectors.embed_documents(["one", "two"])] == [256, 256]
      assert "largest" in OpenAI(max_tokens=12, **common).invoke("Blue whales are")


      async def together():
          assert "Hello" in (await quiet.ainvoke("Say hello")).content
          text = "".join([piece.content async for piece in quiet.astream("Count from 1 to 10")])
          assert "1, 2, 3" in text, text
          called, *answers = await asyncio.gather(
              thinking.ainvoke(question), *[quiet.ainvoke("Say hello") for _ in range(3)])
          assert called.tool_calls[0]["args"] == {"city": "Paris"}, called
          assert all("Hello" in answer.content for answer in answers), answers
          assert len(await vectors.aembed_query("one")) == 256


      asyncio.run(together())
      """

    private static let llamaIndex = """
      from llama_index.core.llms import ChatMessage
      from llama_index.core.tools import FunctionTool
      from llama_index.llms.openai_like import OpenAILike

      common = {"api_base": base, "api_key": "unused", "model": model, "temperature": 0, "max_retries": 0}
      chat = OpenAILike(is_chat_model=True, is_function_calling_model=True, context_window=4096, **common)
      plain = OpenAILike(max_tokens=12, **common)
      hello = [ChatMessage(role="user", content="Say hello")]
      count = [ChatMessage(role="user", content="Count from 1 to 10")]


      def get_weather(city: str) -> str:
          '''Get the weather for a city'''
          return report


      weather = FunctionTool.from_defaults(get_weather)


      def arguments(answer):
          return [call.tool_kwargs for call in chat.get_tool_calls_from_response(answer)]


      assert "largest" in plain.complete("Blue whales are").text
      assert "largest" in list(plain.stream_complete("Blue whales are"))[-1].text
      assert "Hello" in chat.complete("Say hello").text
      assert "Hello" in chat.chat(hello).message.content
      pieces = list(chat.stream_chat(count))
      assert "1, 2, 3" in "".join(p.delta or "" for p in pieces) and len(pieces) > 5, pieces
      assert arguments(chat.chat_with_tools([weather], user_msg=question)) == [{"city": "Paris"}]
      assert arguments(list(chat.stream_chat_with_tools([weather], user_msg=question))[-1]) == [{"city": "Paris"}]
      assert "sunny" in str(chat.predict_and_call([weather], user_msg=question))


      async def together():
          answers = await asyncio.gather(*[chat.acomplete("Say hello") for _ in range(3)])
          assert all("Hello" in answer.text for answer in answers), answers
          text = "".join([piece.delta or "" async for piece in await chat.astream_chat(count)])
          assert "1, 2, 3" in text, text
          text = [piece.text async for piece in await plain.astream_complete("Blue whales are")][-1]
          assert "largest" in text, text
          assert arguments(await chat.achat_with_tools([weather], user_msg=question)) == [{"city": "Paris"}]


      asyncio.run(together())
      """

    private static let liteLLM = """
      import litellm

      weather = {"type": "function", "function": {
          "name": "get_weather", "description": "Get the weather for a city", "parameters": {
              "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
      common = {"model": os.environ["PROVIDER"] + "/" + model, "api_base": base, "api_key": "unused", "temperature": 0}


      def said(text):
          return [{"role": "user", "content": text}]


      def check_call(choice):
          calls = choice.message.tool_calls
          assert [call.function.name for call in calls] == ["get_weather"], choice
          assert json.loads(calls[0].function.arguments) == {"city": "Paris"} and calls[0].id, choice
          assert "tool" in choice.message.reasoning_content, choice
          assert choice.finish_reason == "tool_calls", choice


      answer = litellm.completion(messages=said("Say hello"), **common)
      assert "Hello" in answer.choices[0].message.content, answer
      assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer
      pieces = list(litellm.completion(messages=said("Count from 1 to 10"), stream=True, **common))
      text = "".join(p.choices[0].delta.content or "" for p in pieces)
      assert "1, 2, 3" in text and len(pieces) > 5, pieces

      called = litellm.completion(messages=said(question), tools=[weather], **common)
      check_call(called.choices[0])
      message = called.choices[0].message
      told = litellm.completion(tools=[weather], messages=said(question) + [
          message.model_dump(exclude_none=True),
          {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": report}], **common)
      assert "18" in told.choices[0].message.content, told
      pieces = list(litellm.completion(messages=said(question), tools=[weather], stream=True, **common))
      check_call(litellm.stream_chunk_builder(pieces).choices[0])


      async def together():
          answers = await asyncio.gather(
              *[litellm.acompletion(messages=said("Say hello"), **common) for _ in range(3)])
          assert all("Hello" in answer.choices[0].message.content for answer in answers), answers
          text = ""
          async for piece in await litellm.acompletion(messages=said("Count from 1 to 10"), stream=True, **common):
              text += piece.choices[0].delta.content or ""
          assert "1, 2, 3" in text, text
          check_call((await litellm.acompletion(messages=said(question), tools=[weather], **common)).choices[0])


      asyncio.run(together())
      """

    private static let liteLLMBeyondChat = """
      import litellm

      openai = {"model": "openai/" + model, "api_base": base + "/v1", "api_key": "unused"}

      answer = litellm.responses(input="Say hello", temperature=0, **openai)
      assert "Hello" in answer.output[0].content[0].text, answer
      kinds = [event.type for event in litellm.responses(input="Say hello", temperature=0, stream=True, **openai)]
      assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
      vectors = litellm.embedding(input=["one", "two"], encoding_format="float", **openai)
      assert [len(item["embedding"]) for item in vectors.data] == [256, 256]
      vectors = litellm.embedding(model="ollama/" + model, api_base=base, input=["one", "two"])
      assert [len(item["embedding"]) for item in vectors.data] == [256, 256]
      text = litellm.text_completion(
          model="text-completion-openai/" + model, api_base=base + "/v1", api_key="unused", prompt="Blue whales are",
          max_tokens=8, temperature=0)
      assert "largest" in text.choices[0].text, text
      message = asyncio.run(litellm.anthropic_messages(
          model="anthropic/" + model, api_base=base, api_key="unused", max_tokens=200,
          temperature=0, messages=[{"role": "user", "content": "Say hello"}]))
      # It may think before it answers.
      assert "Hello" in "".join(block.get("text", "") for block in message["content"]), message


      def failing(kind, messages, **options):
          try:
              litellm.completion(messages=messages, **{**openai, **options})
          except kind as error:
              return str(error)
          raise AssertionError(f"no {kind.__name__}")


      hello = [{"role": "user", "content": "hi"}]
      assert "petrel pull" in failing(litellm.NotFoundError, hello, model="openai/nope/x")
      long = [{"role": "user", "content": "whales " * 5000}]
      assert "4096" in failing(litellm.ContextWindowExceededError, long)
      assert "temperature" in failing(litellm.BadRequestError, hello, temperature=3)
      """
  }
}
