// SPDX-License-Identifier: Apache-2.0

extension EndToEnd.DocumentedExampleTests {
  /// What is done with curl.
  static let requests: [DocumentedExample] = [
    DocumentedExample(
      "Anthropic's API",
      #"""
      curl http://localhost:12434/v1/messages \
        -H "Content-Type: application/json" \
        -d '{
          "model": "ai/smollm2",
          "max_tokens": 1024,
          "messages": [
            {"role": "user", "content": "Hello!"}
          ]
        }'
      """#, prints: #""type":"message""#, #""stop_reason":"end_turn""#, "Hello"),
    DocumentedExample(
      "a stream of Anthropic's API",
      #"""
      curl http://localhost:12434/v1/messages \
        -H "Content-Type: application/json" \
        -d '{
          "model": "ai/smollm2",
          "max_tokens": 1024,
          "stream": true,
          "messages": [
            {"role": "user", "content": "Count from 1 to 10"}
          ]
        }'
      """#, prints: "event: content_block_delta", "event: message_stop"),
    DocumentedExample(
      "Ollama's API",
      #"""
      curl http://localhost:12434/api/chat \
        -H "Content-Type: application/json" \
        -d '{
          "model": "ai/smollm2",
          "messages": [
            {"role": "user", "content": "Hello!"}
          ]
        }'
      """#, prints: #""done":true,"done_reason":"stop""#, "Hello"),
    DocumentedExample(
      "Ollama's list of models", "curl http://localhost:12434/api/tags", prints: #"ai/smollm2:latest""#),
    DocumentedExample("chat from a container", rome("http://model-runner.docker.internal"), prints: "empire", stop),
    DocumentedExample("chat over TCP", rome("http://localhost:12434"), prints: "empire", stop),
    DocumentedExample(
      "chat over the Unix socket",
      rome("--unix-socket $HOME/.docker/run/docker.sock \\\n  localhost/exp/vDD4.40"), prints: "empire", stop),
    DocumentedExample(
      "a stream",
      #"""
      curl http://localhost:12434/engines/v1/chat/completions \
        -H "Content-Type: application/json" \
        -d '{
            "model": "ai/smollm2",
            "stream": true,
            "messages": [
                {"role": "user", "content": "Count from 1 to 10"}
            ]
        }'
      """#, prints: #""delta":{"content":""#, "data: [DONE]"),
    DocumentedExample(
      "chat from a container, of the guide", facts("http://model-runner.docker.internal"), prints: stop),
    DocumentedExample("chat over TCP, of the guide", facts("http://localhost:12434"), prints: stop),
    DocumentedExample(
      "chat over the Unix socket, of the guide",
      facts("--unix-socket $HOME/.docker/run/docker.sock \\\n  localhost/exp/vDD4.40"), prints: stop),
    DocumentedExample(
      "chat, as the guide writes requests",
      #"""
      curl http://localhost:12434/engines/llama.cpp/v1/chat/completions -H "Content-Type: application/json" -d '{
        "model": "ai/gemma3",
        "messages": [
          {"role": "system", "content": "You are a helpful assistant."},
          {"role": "user", "content": "Explain context windows in 2 bullets."}
        ],
        "temperature": 0.7,
        "top_p": 1,
        "stream": false
      }'
      """#, prints: stop),
    DocumentedExample(
      "embeddings, as the guide writes requests",
      #"""
      curl http://localhost:12434/engines/v1/embeddings -H "Content-Type: application/json" -d '{
        "model": "ai/all-minilm",
        "input": ["hello world", "bonjour le monde"]
      }'
      """#, prints: #""index":1"#),
    DocumentedExample(
      "list models",
      #"""
      curl -H "Authorization: Bearer dmr" \
        http://localhost:12434/engines/v1/models
      """#, prints: #""object":"list""#, #"ai/gemma3:latest""#),
    DocumentedExample(
      "list models, to test the endpoint", "curl http://localhost:12434/engines/v1/models", prints: "ai/"),
    DocumentedExample(
      "list models of an engine", "curl http://localhost:12434/engines/llama.cpp/v1/models", prints: "ai/"),
    DocumentedExample(
      "retrieve a model",
      #"""
      curl -H "Authorization: Bearer dmr" \
        http://localhost:12434/engines/v1/models/ai/gemma3
      """#, prints: #""object":"model""#),
    DocumentedExample(
      "retrieve a model of an engine", "curl http://localhost:12434/engines/llama.cpp/v1/models/ai/gemma3",
      prints: #""object":"model""#),
    DocumentedExample(
      "embeddings",
      #"""
      curl http://localhost:12434/engines/v1/embeddings \
        -H "Content-Type: application/json" -H "Authorization: Bearer dmr" \
        -d '{"model":"ai/all-minilm","input":["hello","world"]}'
      """#, prints: #""embedding":["#, #""index":1"#),
    DocumentedExample(
      "chat from a container, through jq",
      #"""
      curl -s http://model-runner.docker.internal/engines/v1/chat/completions \
        -H "Content-Type: application/json" \
        -d '{
          "model": "ai/smollm2",
          "messages": [
            {
              "role": "system",
              "content": "You are a helpful assistant."
            },
            {
              "role": "user",
              "content": "Explain Docker in 100 words."
            }
          ]
        }' | jq
      """#, prints: #""role": "assistant""#),
    DocumentedExample(
      "chat over TCP, through jq",
      #"""
      # Make sure TCP support is enabled first
      curl -s http://localhost:12434/engines/v1/chat/completions \
        -H "Content-Type: application/json" \
        -d '{
          "model": "ai/smollm2",
          "messages": [
            {"role": "user", "content": "Baseball bat and a ball cost 1.10 eur. The ball is 1 eur more expensive than a baseball bat. How much the ball costs?"}
          ]
        }' | jq
      ## P.s. Expect hallucinations, as smollm2 is quite small
      """#, prints: #""role": "assistant""#),
    // What the tables of endpoints name.
    DocumentedExample(
      "text completion",
      #"curl http://localhost:12434/engines/llama.cpp/v1/completions -d '{"model": "ai/smollm2", "prompt": "Blue whales are", "max_tokens": 8}'"#,
      prints: "largest"),
    DocumentedExample(
      "count tokens",
      #"curl http://localhost:12434/anthropic/v1/messages/count_tokens -d '{"model": "ai/smollm2", "messages": [{"role": "user", "content": "Hello!"}]}'"#,
      prints: #""input_tokens":"#),
    DocumentedExample(
      "Ollama's other endpoints",
      #"""
      curl http://localhost:12434/api/show -d '{"model": "ai/smollm2"}' | jq .details.family
      curl http://localhost:12434/api/generate -d '{"model": "ai/smollm2", "prompt": "Say hello", "stream": false}'
      curl http://localhost:12434/api/embeddings -d '{"model": "ai/smollm2", "prompt": "hello"}' | jq '.embedding | length'
      """#, prints: #""qwen3""#, #""response":""#, "256"),
    DocumentedExample(
      "JSON",
      #"""
      curl http://localhost:12434/engines/v1/chat/completions -d '{"model": "ai/smollm2", "max_tokens": 60,
        "response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "Say hello"}]}' \
        | jq -r '.choices[0].message.content'
      """#, prints: "{"),
    DocumentedExample(
      "models of the daemon's own API",
      #"""
      curl http://localhost:12434/models
      curl http://localhost:12434/models/ai/gemma3
      curl -X DELETE http://localhost:12434/models/ai/model-vllm
      """#, prints: #""id":"sha256:"#, #""Untagged":""#),
  ]

  private static let stop = #""finish_reason":"stop""#

  private static func rome(_ address: String) -> String {
    #"""
    #!/bin/sh

    curl \#(address)/engines/v1/chat/completions \
        -H "Content-Type: application/json" \
        -d '{
            "model": "ai/smollm2",
            "messages": [
                {
                    "role": "system",
                    "content": "You are a helpful assistant."
                },
                {
                    "role": "user",
                    "content": "Please write 500 words about the fall of Rome."
                }
            ]
        }'
    """#
  }

  private static func facts(_ address: String) -> String {
    #"""
    curl \#(address)/engines/llama.cpp/v1/chat/completions \
      -H "Content-Type: application/json" \
      -H "Authorization: Bearer dmr" \
      -d '{
        "model": "ai/smollm2",
        "messages": [
          {"role":"system","content":"You are a helpful assistant."},
          {"role":"user","content":"Write 3 facts about the fall of Rome."}
        ]
      }'
    """#
  }
}
