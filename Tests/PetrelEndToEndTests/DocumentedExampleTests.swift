// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// The examples of Docker Model Runner's own documentation, as its readers type them. Ports are those that are free
  /// here; a registry of this machine stands in for Docker Hub, and the demo model for the models that are named.
  @Suite struct DocumentedExampleTests {
    private static let models = [
      "ai/smollm2", "ai/smollm2:360M-Q4_K_M", "ai/gemma3", "ai/all-minilm", "ai/qwen2.5-coder", "ai/model-vllm",
    ]

    @Test func `Requests with curl get answers`() async throws {
      try await DocumentedMachine.with(models: Self.models) { machine in
        try await machine.furnishHome()
        for example in Self.requests { try await machine.run(example) }
      }
    }

    @Test func `Programs in Python and JavaScript get answers`() async throws {
      try await DocumentedMachine.with(models: Self.models) { machine in
        let scratch = machine.daemon.scratch
        for (package, code) in Self.packages {
          try scratch.write(code, to: "home/node_modules/\(package)/index.mjs")
          try scratch.write(
            #"{"name": "\#(package)", "exports": "./index.mjs"}"#, to: "home/node_modules/\(package)/package.json")
        }
        for example in Self.programs { try await machine.run(example) }
      }
    }

    @Test func `Commands of docker model do what they should`() async throws {
      try await DocumentedMachine.with(models: Self.models) { machine in
        let scratch = machine.daemon.scratch
        let installed = try await machine.daemon.petrel("install-plugin")
        try #require(installed.status == 0, "\(installed.errors)")
        // What is to be pulled is at the registry, and not here.
        for model in ["ai/smollm2:360M-Q4_K_M", "ai/qwen2.5-coder"] {
          let pushed = try await machine.daemon.petrel("push", model)
          try #require(pushed.status == 0, "\(pushed.errors)")
          let removed = try await machine.daemon.petrel("rm", model)
          try #require(removed.status == 0, "\(removed.errors)")
        }
        let copied = try await scratch.run(
          "cp", [scratch.setup.weights, scratch.folder.appending("home/model.gguf").string])
        try #require(copied.status == 0, "\(copied.errors)")
        for example in Self.commands { try await machine.run(example) }
      }
    }

    /// One after the other: some need what others have pulled.
    private static let commands: [DocumentedExample] = [
      DocumentedExample("version", "docker model version", prints: "Version:"),
      DocumentedExample("status", "docker model status", prints: "Docker Model Runner is running"),
      DocumentedExample(
        "pull a tag", "docker model pull ai/smollm2:360M-Q4_K_M && docker model list", prints: "360M-Q4_K_M"),
      DocumentedExample("pull", "docker model pull ai/qwen2.5-coder && docker model list", prints: "qwen2.5-coder"),
      DocumentedExample(
        "the workflow's run",
        #"""
        MODEL="ai/smollm2:360M-Q4_K_M"
        timeout 60s docker model run "$MODEL" "Give me a fact about whales."
        """#, prints: "Blue whales"),
      DocumentedExample(
        "the workflow's request",
        #"""
        MODEL="ai/smollm2:360M-Q4_K_M"
        RESPONSE=$(curl -s http://localhost:12434/engines/llama.cpp/v1/chat/completions \
          -H "Content-Type: application/json" \
          -d "{
              \"model\": \"$MODEL\",
              \"messages\": [
                  {
                      \"role\": \"user\",
                      \"content\": \"Say hello\"
                  }
              ],
              \"top_k\": 1,
              \"temperature\": 0
          }")
        if [ $? -eq 0 ]; then
          echo "$RESPONSE" | grep -i "hello"
        fi
        """#, prints: "Hello"),
      DocumentedExample(
        "the workflow's end", "docker model rm ai/smollm2:360M-Q4_K_M && docker model ls", prints: "Untagged:", "gemma3"
      ),
      DocumentedExample(
        "context size", "docker model configure --context-size 8192 ai/qwen2.5-coder && docker model configure show",
        prints: #""context-size": 8192"#),
      DocumentedExample("inspect", "docker model inspect ai/qwen2.5-coder", prints: #""qwen3.context_length": "4096""#),
      DocumentedExample(
        "runtime flags",
        #"""
        docker model configure --runtime-flag "--temp" --runtime-flag "0.7" --runtime-flag "--top-p" --runtime-flag "0.9" ai/qwen2.5-coder
        docker model configure show
        """#, prints: #""--temp""#, #""0.9""#, #""context-size": 8192"#),
      DocumentedExample(
        "overrides for vLLM",
        #"""
        docker model configure --hf_overrides '{"rope_scaling": {"type": "dynamic", "factor": 2.0}}' ai/model-vllm
        docker model configure show
        """#, prints: "rope_scaling"),
      DocumentedExample(
        "context size of a slow model",
        "docker model configure --context-size 4096 ai/qwen2.5-coder && docker model configure show",
        prints: #""context-size": 4096"#),
      DocumentedExample(
        "the default context size",
        "docker model configure --context-size -1 ai/qwen2.5-coder && docker model configure show | grep -c context-size"
          + " || true",
        prints: "0"),
      DocumentedExample(
        "publish", "docker model tag ai/smollm2 myorg/smollm2\ndocker model push myorg/smollm2 2>&1",
        prints: "Model pushed successfully"),
      DocumentedExample(
        "package", #"docker model package --gguf "$(pwd)/model.gguf" --push myorg/mistral-7b-v0.1:Q4_K_M 2>&1"#,
        prints: "Model pushed successfully"),
      DocumentedExample("logs", "docker model logs", prints: "llama_server"),
    ]

    private static let programs: [DocumentedExample] = [
      DocumentedExample(
        "OpenAI's SDK", in: .python,
        #"""
        from openai import OpenAI

        client = OpenAI(
            base_url="http://localhost:12434/engines/v1",
            api_key="not-needed"  # DMR doesn't require an API key
        )

        response = client.chat.completions.create(
            model="ai/smollm2",
            messages=[
                {"role": "user", "content": "Hello!"}
            ]
        )

        print(response.choices[0].message.content)
        """#, prints: "Hello"),
      DocumentedExample(
        "OpenAI's SDK, of the guide", in: .python,
        #"""
        from openai import OpenAI
        client = OpenAI(
            base_url="http://localhost:12434/engines/v1",  # or model-runner.docker.internal from containers
            api_key="dmr"  # non-empty string to satisfy SDK; DMR does not validate
        )

        resp = client.chat.completions.create(
            model="ai/gemma3",
            messages=[{"role":"user","content":"Hello!"}]
        )
        print(resp.choices[0].message.content)
        """#, prints: "Hello"),
      DocumentedExample(
        "LangChain", in: .frameworksPython,
        #"""
        from langchain_openai import ChatOpenAI

        llm = ChatOpenAI(
            base_url="http://localhost:12434/engines/v1",
            api_key="not-needed",
            model="ai/qwen2.5-coder"
        )

        response = llm.invoke("Write a hello world function in Python")
        print(response.content)
        """#, prints: "print"),
      DocumentedExample(
        "LlamaIndex", in: .frameworksPython,
        #"""
        from llama_index.llms.openai_like import OpenAILike

        llm = OpenAILike(
            api_base="http://localhost:12434/engines/v1",
            api_key="not-needed",
            model="ai/qwen2.5-coder"
        )

        response = llm.complete("Write a hello world function")
        print(response.text)
        """#),
      DocumentedExample(
        "what aider asks LiteLLM for", in: .frameworksPython,
        #"""
        import os
        os.environ["OPENAI_API_BASE"] = "http://localhost:12434/engines/v1"
        os.environ["OPENAI_API_KEY"] = "not-needed"
        import litellm

        answer = litellm.completion(model="openai/ai/qwen2.5-coder", messages=[{"role": "user", "content": "Say hello"}])
        print(answer.choices[0].message.content)
        """#, prints: "Hello"),
      DocumentedExample(
        "OpenAI's SDK for Node.js", in: .javaScript,
        #"""
        import OpenAI from 'openai';

        const client = new OpenAI({
          baseURL: 'http://localhost:12434/engines/v1',
          apiKey: 'not-needed',
        });

        const response = await client.chat.completions.create({
          model: 'ai/smollm2',
          messages: [{ role: 'user', content: 'Hello!' }],
        });

        console.log(response.choices[0].message.content);
        """#, prints: "Hello"),
      DocumentedExample(
        "OpenAI's SDK for Node.js, of the page about it", in: .javaScript,
        #"""
        import OpenAI from 'openai'; // npm install openai

        const client = new OpenAI({
            baseURL: 'http://localhost:12434/engines/v1',
            apiKey: 'not-needed'
        });

        const response = await client.chat.completions.create({
            model: 'ai/gemma3',
            messages: [
                {
                    role: 'user',
                    content: 'What are the benefits of containerization?'
                }
            ]
        });


        console.log(response.choices[0].message.content);
        """#),
      DocumentedExample(
        "LangChain for Node.js", in: .javaScript,
        #"""
        import { ChatOpenAI } from "@langchain/openai";

        const model = new ChatOpenAI({
          configuration: {
            baseURL: "http://localhost:12434/engines/v1",
          },
          apiKey: "not-needed",
          modelName: "ai/qwen2.5-coder",
        });

        const response = await model.invoke("Write a hello world function");
        console.log(response.content);
        """#),
    ]

    /// Of npm's packages the little that the examples use: the request that they send, with Node's own `fetch`.
    private static let packages: [(name: String, code: String)] = [
      (
        "openai",
        #"""
        export default class OpenAI {
          constructor({ baseURL, apiKey }) {
            const create = async (body) => {
              const answer = await fetch(baseURL + '/chat/completions', {
                method: 'POST',
                headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${apiKey}` },
                body: JSON.stringify(body),
              });
              if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
              return await answer.json();
            };
            this.chat = { completions: { create } };
          }
        }
        """#
      ),
      (
        "@langchain/openai",
        #"""
        import OpenAI from 'openai';

        export class ChatOpenAI {
          constructor({ configuration, apiKey, modelName }) {
            this.client = new OpenAI({ baseURL: configuration.baseURL, apiKey });
            this.model = modelName;
          }
          async invoke(text) {
            const messages = [{ role: 'user', content: text }];
            return (await this.client.chat.completions.create({ model: this.model, messages })).choices[0].message;
          }
        }
        """#
      ),
    ]
  }
}
