// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file

// Written by Scripts/embed-openapi.py from docs/openapi.yaml.

enum OpenAPIText {
  static let json: StaticString = #"""
{
"openapi": "3.1.0",
"info": {
"title": "Petrel",
"version": "0.1.0",
"summary": "Runs AI models on this machine; a drop-in for Docker Model Runner.",
"license": {
"name": "Apache-2.0",
"identifier": "Apache-2.0"
},
"description": "The routes are the same over TCP and over the Unix socket. Paths may begin with /exp/vDD4.40, as Docker's clients write them. Routes for GET answer HEAD too. docs/http-api.md tells more about each."
},
"servers": [{"url": "http://localhost:12434"}],
"security": [{}, {"bearer": []}, {"key": []}],
"tags": [{"name": "openai", "description": "OpenAI's API"}, {"name": "anthropic", "description": "Anthropic's API"}, {"name": "ollama", "description": "Ollama's API"}, {"name": "models", "description": "models in the store"}, {"name": "engines", "description": "engines, and settings of models"}, {"name": "system", "description": "the daemon"}],
"paths": {
"/v1/chat/completions": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "createChatCompletion", "summary": "chat", "parameters": [{"$ref": "#/components/parameters/PreloadOnly"}], "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ChatRequest"}}}}, "responses": {"200": {"description": "the answer, or a stream of events when stream is true; empty with X-Preload-Only", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ChatCompletion"}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/completions": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "createCompletion", "summary": "text completion", "parameters": [{"$ref": "#/components/parameters/PreloadOnly"}], "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CompletionRequest"}}}}, "responses": {"200": {"description": "the answer, or a stream of events when stream is true", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Completion"}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/embeddings": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "createEmbedding", "summary": "embeddings", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EmbeddingRequest"}}}}, "responses": {"200": {"description": "one embedding for each input", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EmbeddingList"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/models": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"get": {"tags": ["openai"], "operationId": "listOpenAIModels", "summary": "all models", "responses": {"200": {"description": "the models in the store, loaded or not", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIModelList"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/models/{name}": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"get": {"tags": ["openai"], "operationId": "getOpenAIModel", "summary": "one model", "parameters": [{"$ref": "#/components/parameters/Name"}], "responses": {"200": {"description": "the model", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIModel"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/rerank": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "rerank", "summary": "ranking of documents", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RerankRequest"}}}}, "responses": {"200": {"description": "the documents' ranks, the best first", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ranking"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/rerank": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "rerankV1", "summary": "the same as /rerank", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RerankRequest"}}}}, "responses": {"200": {"description": "the documents' ranks, the best first", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ranking"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/score": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "score", "summary": "how well texts fit to one; also at /v1/score", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ScoreRequest"}}}}, "responses": {"200": {"description": "a score for each text, in their order", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ScoreList"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/messages": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/anthropic"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["anthropic"], "operationId": "createMessage", "summary": "a message, whole or as a stream", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MessagesRequest"}}}}, "responses": {"200": {"description": "the message, or a stream of events when stream is true", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AnthropicMessage"}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/AnthropicError"}}}
},
"/v1/messages/count_tokens": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/anthropic"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["anthropic"], "operationId": "countMessageTokens", "summary": "the number of tokens of a prompt", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MessagesCountRequest"}}}}, "responses": {"200": {"description": "the number", "content": {"application/json": {"schema": {"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": {"type": "integer", "minimum": 0}}}}}}, "default": {"$ref": "#/components/responses/AnthropicError"}}}
},
"/api/chat": {
"post": {"tags": ["ollama"], "operationId": "ollamaChat", "summary": "chat", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}, "application/x-ndjson": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/generate": {
"post": {"tags": ["ollama"], "operationId": "ollamaGenerate", "summary": "completion of a prompt", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}, "application/x-ndjson": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/embed": {
"post": {"tags": ["ollama"], "operationId": "ollamaEmbed", "summary": "embeddings", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/embeddings": {
"post": {"tags": ["ollama"], "operationId": "ollamaEmbeddings", "summary": "one embedding", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/show": {
"post": {"tags": ["ollama"], "operationId": "ollamaShow", "summary": "one model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/tags": {
"get": {"tags": ["ollama"], "operationId": "ollamaTags", "summary": "all models", "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/ps": {
"get": {"tags": ["ollama"], "operationId": "ollamaPs", "summary": "what is loaded", "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/version": {
"get": {"tags": ["ollama"], "operationId": "ollamaVersion", "summary": "versions", "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/pull": {
"post": {"tags": ["ollama"], "operationId": "ollamaPull", "summary": "pull a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}, "application/x-ndjson": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/push": {
"post": {"tags": ["ollama"], "operationId": "ollamaPush", "summary": "push a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}, "application/x-ndjson": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/create": {
"post": {"tags": ["ollama"], "operationId": "ollamaCreate", "summary": "make a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}, "application/x-ndjson": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/copy": {
"post": {"tags": ["ollama"], "operationId": "ollamaCopy", "summary": "give another name", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["source", "destination"], "properties": {"source": {"type": "string"}, "destination": {"type": "string"}}}}}}, "responses": {"200": {"description": "the answer"}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/delete": {
"delete": {"tags": ["ollama"], "operationId": "ollamaDelete", "summary": "remove a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OllamaRequest"}}}}, "responses": {"200": {"description": "the answer"}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/api/blobs/{digest}": {
"head": {"tags": ["ollama"], "operationId": "ollamaFindBlob", "summary": "whether a file is here", "parameters": [{"name": "digest", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^sha256[:-][0-9a-f]{64}$"}}], "responses": {"200": {"description": "the answer"}, "default": {"$ref": "#/components/responses/OllamaError"}}},
"post": {"tags": ["ollama"], "operationId": "ollamaUploadBlob", "summary": "bring a file", "parameters": [{"name": "digest", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^sha256[:-][0-9a-f]{64}$"}}], "requestBody": {"required": true, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}, "responses": {"201": {"description": "the answer"}, "default": {"$ref": "#/components/responses/OllamaError"}}}
},
"/v1/responses": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "createResponse", "summary": "a response; also at /responses", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["model"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}}}}}}, "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Response"}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/responses/{id}": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"get": {"tags": ["openai"], "operationId": "getResponse", "summary": "a stored response", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}], "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Response"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}},
"delete": {"tags": ["openai"], "operationId": "deleteResponse", "summary": "forget a response", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}], "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/responses/{id}/input_items": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"get": {"tags": ["openai"], "operationId": "listInputItems", "summary": "what a response answered", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}], "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/v1/responses/{id}/cancel": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "cancelResponse", "summary": "stop a response", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}], "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/tokenize": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "tokenize", "summary": "a text as tokens; also at /v1/tokenize", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenizeRequest"}}}}, "responses": {"200": {"description": "the tokens", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tokens"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/detokenize": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "detokenize", "summary": "tokens as a text; also at /v1/detokenize", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/DetokenizeRequest"}}}}, "responses": {"200": {"description": "the text", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenText"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/infill": {
"servers": [{"url": "http://localhost:12434"}, {"url": "http://localhost:12434/engines"}, {"url": "http://localhost:12434/engines/llama.cpp"}],
"post": {"tags": ["openai"], "operationId": "infill", "summary": "what stands between two texts, for models that know it; also at /v1/infill", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InfillRequest"}}}}, "responses": {"200": {"description": "llama.cpp's answer", "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/OpenAIError"}}}
},
"/models": {
"get": {"tags": ["models"], "operationId": "listModels", "summary": "all models", "responses": {"200": {"description": "the models in the store", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}": {
"parameters": [{"$ref": "#/components/parameters/Name"}],
"get": {"tags": ["models"], "operationId": "getModel", "summary": "one model", "parameters": [{"name": "remote", "in": "query", "description": "ask the registry and not the store", "schema": {"type": "boolean"}}, {"name": "artifact", "in": "query", "description": "the documents, byte for byte", "schema": {"type": "boolean"}}], "responses": {"200": {"description": "the model, or its documents", "content": {"application/json": {"schema": {"oneOf": [{"$ref": "#/components/schemas/Model"}, {"$ref": "#/components/schemas/Artifact"}]}}}}, "default": {"$ref": "#/components/responses/TextError"}}},
"delete": {"tags": ["models"], "operationId": "deleteModel", "summary": "remove a tag, and with the last one the model", "parameters": [{"name": "force", "in": "query", "schema": {"type": "boolean"}}], "responses": {"200": {"description": "what has been removed", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object", "properties": {"Untagged": {"type": "string"}, "Deleted": {"type": "string"}}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}/export": {
"get": {"tags": ["models"], "operationId": "exportModel", "summary": "the model as a tar archive", "parameters": [{"$ref": "#/components/parameters/Name"}], "responses": {"200": {"description": "the archive", "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}/push": {
"post": {"tags": ["models"], "operationId": "pushModel", "summary": "bring a model to its registry", "parameters": [{"$ref": "#/components/parameters/Name"}], "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PushRequest"}}}}, "responses": {"200": {"$ref": "#/components/responses/Progress"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}/copy": {
"post": {"tags": ["models"], "operationId": "copyModel", "summary": "copy a model from registry to registry", "parameters": [{"$ref": "#/components/parameters/Name"}], "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["target"], "properties": {"target": {"type": "string"}}}}}}, "responses": {"200": {"$ref": "#/components/responses/Progress"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}/tag": {
"post": {"tags": ["models"], "operationId": "tagModel", "summary": "give another name", "parameters": [{"$ref": "#/components/parameters/Name"}, {"name": "repo", "in": "query", "required": true, "schema": {"type": "string"}}, {"name": "tag", "in": "query", "required": true, "schema": {"type": "string"}}], "responses": {"201": {"description": "done", "content": {"application/json": {"schema": {"type": "object", "required": ["message", "target"], "properties": {"message": {"type": "string"}, "target": {"type": "string"}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/{name}/repackage": {
"post": {"tags": ["models"], "operationId": "repackageModel", "summary": "make a variant", "parameters": [{"$ref": "#/components/parameters/Name"}], "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["target"], "properties": {"target": {"type": "string"}, "context_size": {"type": "integer", "minimum": 0}}}}}}, "responses": {"201": {"description": "done", "content": {"application/json": {"schema": {"type": "object", "required": ["message", "source", "target"], "properties": {"message": {"type": "string"}, "source": {"type": "string"}, "target": {"type": "string"}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/create": {
"post": {"tags": ["models"], "operationId": "pullModel", "summary": "pull a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PullRequest"}}}}, "responses": {"200": {"$ref": "#/components/responses/Progress"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/load": {
"post": {"tags": ["models"], "operationId": "loadModel", "summary": "take in an archive", "requestBody": {"required": true, "content": {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}}, "responses": {"200": {"description": "done", "headers": {"X-Model-ID": {"schema": {"type": "string"}}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ProgressLine"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/adopt": {
"post": {"tags": ["models"], "operationId": "adoptModel", "summary": "make a model of files of this machine, with its documents; on the Unix socket only", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["manifest", "config", "files"]}}}}, "responses": {"200": {"description": "which files came in which way", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/import": {
"post": {"tags": ["models"], "operationId": "importModel", "summary": "make a model of local files; on the Unix socket only", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["name", "files"]}}}}, "responses": {"201": {"description": "the model, and how its files came in", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/purge": {
"delete": {"tags": ["models"], "operationId": "purgeModels", "summary": "remove all models", "responses": {"200": {"description": "done"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/fsck": {
"post": {"tags": ["models"], "operationId": "checkStore", "summary": "check the store", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"models": {"type": "array", "items": {"type": "string"}}, "repair": {"type": "boolean"}, "remove_broken": {"type": "boolean"}}}}}}, "responses": {"200": {"description": "one JSON object a line", "content": {"application/x-ndjson": {"schema": {"type": "string"}}, "application/json": {"schema": {}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/models/prune": {
"post": {"tags": ["models"], "operationId": "pruneStore", "summary": "remove what no model needs", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"all": {"type": "boolean"}, "dry_run": {"type": "boolean"}}}}}}, "responses": {"200": {"description": "what has been removed, or would be", "content": {"application/json": {"schema": {"type": "object", "required": ["items", "reclaimed"], "properties": {"items": {"type": "array", "items": {"type": "object"}}, "reclaimed": {"type": "integer"}, "dry_run": {"type": "boolean"}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/status": {
"get": {"tags": ["engines"], "operationId": "getEngineStatus", "summary": "whether engines are installed", "responses": {"200": {"description": "a text for each engine: a state, and perhaps a detail behind a colon", "content": {"application/json": {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/ps": {
"get": {"tags": ["engines"], "operationId": "listRunners", "summary": "what is loaded", "responses": {"200": {"description": "loaded ones first, then those that load", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Runner"}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/df": {
"get": {"tags": ["engines"], "operationId": "getDiskUsage", "summary": "disk usage", "responses": {"200": {"description": "bytes", "content": {"application/json": {"schema": {"type": "object", "required": ["models_disk_usage", "default_backend_disk_usage"], "properties": {"models_disk_usage": {"type": "integer"}, "default_backend_disk_usage": {"type": "integer"}, "shared_disk_usage": {"type": "integer"}, "parts": {"type": "array", "items": {"type": "object"}}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/_configure": {
"get": {"tags": ["engines"], "operationId": "getSettings", "summary": "what has been set for models", "parameters": [{"name": "model", "in": "query", "schema": {"type": "string"}}], "responses": {"200": {"description": "the settings, by model and mode", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}}, "default": {"$ref": "#/components/responses/TextError"}}},
"post": {"tags": ["engines"], "operationId": "configureModel", "summary": "settings of a model", "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ConfigureRequest"}}}}, "responses": {"202": {"description": "done"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/unload": {
"post": {"tags": ["engines"], "operationId": "unloadModels", "summary": "take models out of memory", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "properties": {"models": {"type": "array", "items": {"type": "string"}}, "all": {"type": "boolean"}, "backend": {"type": "string"}, "when_idle": {"type": "boolean"}}}}}}, "responses": {"200": {"description": "how many were unloaded", "content": {"application/json": {"schema": {"type": "object", "required": ["unloaded_runners"], "properties": {"unloaded_runners": {"type": "integer"}, "in_use": {"type": "array", "items": {"type": "string"}}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/requests": {
"get": {"tags": ["engines"], "operationId": "listRequests", "summary": "the latest requests and answers", "parameters": [{"name": "model", "in": "query", "schema": {"type": "string"}}, {"name": "include_existing", "in": "query", "schema": {"type": "boolean"}}], "responses": {"200": {"description": "by model; or events, for clients that accept text/event-stream", "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}, "text/event-stream": {"schema": {"$ref": "#/components/schemas/EventStream"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/install-backend": {
"post": {"tags": ["engines"], "operationId": "installEngine", "summary": "install an engine", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["backend"], "properties": {"backend": {"type": "string"}, "version": {"type": "string"}}}}}}, "responses": {"200": {"description": "it is there"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/uninstall-backend": {
"post": {"tags": ["engines"], "operationId": "uninstallEngine", "summary": "remove an engine", "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["backend"], "properties": {"backend": {"type": "string"}}}}}}, "responses": {"200": {"description": "done"}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/metrics": {
"get": {"tags": ["system"], "operationId": "getMetrics", "summary": "metrics of the daemon and its engines, for Prometheus", "responses": {"200": {"description": "the answer", "content": {"text/plain": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/engines/fit": {
"get": {"tags": ["engines"], "operationId": "getFit", "summary": "whether a model fits into memory", "parameters": [{"name": "model", "in": "query", "required": true, "schema": {"type": "string"}}], "responses": {"200": {"description": "the answer", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/logs": {
"get": {"tags": ["system"], "operationId": "getLogs", "summary": "logs of the daemon and its engines, by time", "parameters": [{"name": "follow", "in": "query", "schema": {"type": "boolean"}}, {"name": "no-engines", "in": "query", "schema": {"type": "boolean"}}], "responses": {"200": {"description": "lines", "content": {"text/plain": {"schema": {"type": "string"}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/version": {
"get": {"tags": ["system"], "operationId": "getVersion", "summary": "the daemon's version", "responses": {"200": {"description": "the version", "content": {"application/json": {"schema": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}}}}}, "default": {"$ref": "#/components/responses/TextError"}}}
},
"/health": {
"get": {"tags": ["system"], "operationId": "getHealth", "summary": "whether the daemon is there", "security": [], "responses": {"200": {"description": "it is", "content": {"application/json": {"schema": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}}}}}}
},
"/openapi.json": {
"get": {"tags": ["system"], "operationId": "getOpenAPI", "summary": "this document", "security": [], "responses": {"200": {"description": "the document", "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "info", "paths"]}}}}}}
},
"/": {
"get": {"tags": ["system"], "operationId": "getRoot", "summary": "a text that tells that a model runner is there", "security": [], "responses": {"200": {"description": "the text", "content": {"text/plain": {"schema": {"const": "Docker Model Runner is running"}}}}}}
}
},
"components": {
"securitySchemes": {
"bearer": {"type": "http", "scheme": "bearer", "description": "an API key, where one is needed"},
"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}
},
"parameters": {
"Name": {"name": "name", "in": "path", "required": true, "description": "a model: name, tag, digest or ID. It may hold slashes.", "schema": {"type": "string"}},
"PreloadOnly": {"name": "X-Preload-Only", "in": "header", "description": "true: load the model and generate nothing", "schema": {"type": "string", "enum": ["true", "false"]}}
},
"responses": {
"OpenAIError": {"description": "what went wrong", "headers": {"Retry-After": {"schema": {"type": "integer"}}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}},
"AnthropicError": {"description": "what went wrong", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AnthropicError"}}}},
"OllamaError": {"description": "what went wrong", "content": {"application/json": {"schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}}},
"TextError": {"description": "what went wrong", "content": {"text/plain": {"schema": {"type": "string"}}}},
"Progress": {"description": "one JSON object a line, each sent at once; the last one is a success or an error", "content": {"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": {"$ref": "#/components/schemas/ProgressLine"}}}}
},
"schemas": {
"OpenAIError": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object", "required": ["message", "type", "param", "code"], "properties": {"message": {"type": "string"}, "type": {"type": "string"}, "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}, "n_prompt_tokens": {"type": "integer"}, "n_ctx": {"type": "integer"}}}}},
"EventStream": {"type": "string", "description": "server-sent events; those of completions end with data: [DONE]"},
"ModelName": {"type": "string", "minLength": 1},
"KeepAlive": {"description": "how long the model stays in memory: a duration such as 5m, or seconds; -1 for ever", "type": ["string", "number", "null"]},
"Sampling": {"type": "object", "properties": {"temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2}, "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1}, "min_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1}, "top_k": {"type": ["integer", "null"], "minimum": -1}, "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2}, "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2}, "repeat_penalty": {"type": ["number", "null"], "minimum": 0}, "max_tokens": {"type": ["integer", "null"], "minimum": -1}, "seed": {"type": ["integer", "null"], "minimum": -1}, "stop": {"type": ["string", "array", "null"], "items": {"type": "string"}}, "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128}, "logit_bias": {"type": ["object", "array", "null"]}, "stream": {"type": ["boolean", "null"]}, "stream_options": {"type": ["object", "null"], "properties": {"include_usage": {"type": ["boolean", "null"]}}}, "response_format": {"$ref": "#/components/schemas/ResponseFormat"}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"ResponseFormat": {"type": ["object", "null"], "required": ["type"], "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}, "json_schema": {"type": "object", "required": ["schema"], "properties": {"name": {"type": "string"}, "strict": {"type": ["boolean", "null"]}, "schema": {"type": "object"}}}}},
"ChatRequest": {"allOf": [{"$ref": "#/components/schemas/Sampling"}, {"type": "object", "required": ["model", "messages"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}}, "max_completion_tokens": {"type": ["integer", "null"], "minimum": -1}, "logprobs": {"type": ["boolean", "null"]}, "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20}, "tools": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Tool"}}, "tool_choice": {"oneOf": [{"type": "null"}, {"enum": ["none", "auto", "required"]}, {"type": "object", "required": ["type", "function"], "properties": {"type": {"const": "function"}, "function": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}]}, "parallel_tool_calls": {"type": ["boolean", "null"]}, "reasoning_effort": {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", null]}, "chat_template_kwargs": {"type": "object"}}}]},
"Message": {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}, "content": {"description": "images are image_url parts whose url is a data URL", "type": ["string", "array", "null"], "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}}, "tool_calls": {"type": "array", "items": {"type": "object"}}, "tool_call_id": {"type": "string"}}},
"Tool": {"type": "object", "required": ["type", "function"], "properties": {"type": {"const": "function"}, "function": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}, "description": {"type": "string"}, "parameters": {"type": ["object", "null"]}}}}},
"Usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {"prompt_tokens": {"type": "integer", "minimum": 0}, "completion_tokens": {"type": "integer", "minimum": 0}, "total_tokens": {"type": "integer", "minimum": 0}, "prompt_tokens_details": {"type": "object", "properties": {"cached_tokens": {"type": "integer", "minimum": 0}}}}},
"ChatCompletion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {"id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "choices": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["index", "message", "finish_reason"], "properties": {"index": {"type": "integer", "minimum": 0}, "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter"]}, "message": {"type": "object", "required": ["role", "content"], "properties": {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]}, "reasoning_content": {"type": ["string", "null"]}, "tool_calls": {"type": "array", "items": {"type": "object", "required": ["id", "type", "function"], "properties": {"id": {"type": "string"}, "type": {"const": "function"}, "function": {"type": "object", "required": ["name", "arguments"], "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}}}}}}}}}}},
"CompletionRequest": {"allOf": [{"$ref": "#/components/schemas/Sampling"}, {"type": "object", "required": ["model", "prompt"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "prompt": {"description": "a text, tokens, or several of either", "type": ["string", "array"]}, "logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 100}, "best_of": {"enum": [1, null]}, "echo": {"enum": [false, null]}, "suffix": {"enum": ["", null]}}}]},
"Completion": {"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {"id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "choices": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["index", "text", "finish_reason"], "properties": {"index": {"type": "integer", "minimum": 0}, "text": {"type": "string"}, "finish_reason": {"enum": ["stop", "length"]}}}}}},
"EmbeddingRequest": {"type": "object", "required": ["model", "input"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "input": {"description": "a text, tokens, or several of either", "type": ["string", "array"]}, "encoding_format": {"enum": ["float", "base64", null]}, "dimensions": {"description": "the first so many numbers are kept; for models that were trained for it", "type": ["integer", "null"], "minimum": 1}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"EmbeddingList": {"type": "object", "required": ["object", "model", "data", "usage"], "properties": {"object": {"const": "list"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "data": {"type": "array", "items": {"type": "object", "required": ["object", "index", "embedding"], "properties": {"object": {"const": "embedding"}, "index": {"type": "integer", "minimum": 0}, "embedding": {"description": "numbers, or with base64 little-endian 32-bit floats", "type": ["array", "string"], "items": {"type": "number"}}}}}}},
"RerankRequest": {"type": "object", "required": ["model", "query", "documents"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "query": {"type": "string"}, "documents": {"type": "array", "minItems": 1, "items": {"type": "string"}}, "top_n": {"type": ["integer", "null"], "minimum": 1}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"Ranking": {"type": "object", "required": ["object", "results"], "properties": {"object": {"const": "list"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "results": {"type": "array", "items": {"type": "object", "required": ["index", "relevance_score"], "properties": {"index": {"type": "integer"}, "relevance_score": {"type": "number"}}}}}},
"ScoreRequest": {"type": "object", "required": ["model", "text_1", "text_2"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "text_1": {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "maxItems": 1}, "text_2": {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"ScoreList": {"type": "object", "required": ["object", "model", "data"], "properties": {"object": {"const": "list"}, "model": {"type": "string"}, "usage": {"$ref": "#/components/schemas/Usage"}, "data": {"type": "array", "items": {"type": "object", "required": ["index", "object", "score"], "properties": {"index": {"type": "integer"}, "object": {"const": "score"}, "score": {"type": "number"}}}}}},
"AnthropicError": {"type": "object", "required": ["type", "error"], "properties": {"type": {"const": "error"}, "error": {"type": "object", "required": ["type", "message"], "properties": {"type": {"type": "string"}, "message": {"type": "string"}}}}},
"MessagesCountRequest": {"type": "object", "required": ["model", "messages"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "messages": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["role", "content"], "properties": {"role": {"enum": ["user", "assistant", "system"]}, "content": {"type": ["string", "array"], "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}}}}}, "system": {"type": ["string", "array"], "items": {"type": "object"}}, "tools": {"type": "array", "items": {"type": "object"}}, "tool_choice": {"type": "object"}, "thinking": {"type": "object"}}},
"MessagesRequest": {"allOf": [{"$ref": "#/components/schemas/MessagesCountRequest"}, {"type": "object", "properties": {"max_tokens": {"type": "integer", "minimum": 1}, "stream": {"type": "boolean"}, "temperature": {"type": "number", "minimum": 0, "maximum": 2}, "top_p": {"type": "number", "minimum": 0, "maximum": 1}, "top_k": {"type": "integer"}, "stop_sequences": {"type": "array", "items": {"type": "string"}}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}}]},
"AnthropicMessage": {"type": "object", "required": ["id", "type", "role", "model", "content", "stop_reason", "usage"], "properties": {"id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"}, "model": {"type": "string"}, "stop_reason": {"enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]}, "stop_sequence": {"type": ["string", "null"]}, "content": {"type": "array", "items": {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["text", "thinking", "tool_use"]}}}}, "usage": {"type": "object", "required": ["input_tokens", "output_tokens"], "properties": {"input_tokens": {"type": "integer", "minimum": 0}, "output_tokens": {"type": "integer", "minimum": 0}, "cache_read_input_tokens": {"type": "integer", "minimum": 0}, "cache_creation_input_tokens": {"type": "integer", "minimum": 0}}}}},
"OllamaRequest": {"type": "object", "properties": {"model": {"type": "string"}, "stream": {"type": "boolean"}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}, "options": {"type": "object"}}},
"Response": {"type": "object", "required": ["id", "object", "status", "output"], "properties": {"id": {"type": "string"}, "object": {"const": "response"}, "status": {"type": "string"}, "output": {"type": "array", "items": {"type": "object"}}}},
"TokenizeRequest": {"type": "object", "required": ["model", "content"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "content": {"type": "string"}, "add_special": {"type": "boolean"}, "with_pieces": {"type": "boolean"}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"Tokens": {"type": "object", "required": ["tokens"], "properties": {"tokens": {"type": "array", "items": {"oneOf": [{"type": "integer"}, {"type": "object", "required": ["id", "piece"], "properties": {"id": {"type": "integer"}}}]}}}},
"DetokenizeRequest": {"type": "object", "required": ["model", "tokens"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "tokens": {"type": "array", "items": {"type": "integer", "minimum": 0}}, "keep_alive": {"$ref": "#/components/schemas/KeepAlive"}}},
"TokenText": {"type": "object", "required": ["content"], "properties": {"content": {"type": "string"}}},
"InfillRequest": {"allOf": [{"$ref": "#/components/schemas/Sampling"}, {"type": "object", "required": ["model", "input_prefix", "input_suffix"], "properties": {"model": {"$ref": "#/components/schemas/ModelName"}, "input_prefix": {"type": "string"}, "input_suffix": {"type": "string"}}}]},
"OpenAIModel": {"type": "object", "required": ["id", "object", "created", "owned_by"], "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": {"type": "string"}, "dmr": {"type": "object", "properties": {"context_window": {"type": "integer"}, "architecture": {"type": "string"}, "parameters": {"type": "string"}, "quantization": {"type": "string"}, "size": {"type": "string"}}}}},
"OpenAIModelList": {"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": "#/components/schemas/OpenAIModel"}}}},
"Model": {"type": "object", "required": ["id", "created", "config"], "properties": {"id": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}, "tags": {"type": "array", "items": {"type": "string"}}, "created": {"type": "integer"}, "size_bytes": {"type": "integer", "minimum": 0}, "config": {"type": "object", "properties": {"format": {"type": "string"}, "quantization": {"type": "string"}, "parameters": {"type": "string"}, "architecture": {"type": "string"}, "size": {"type": "string"}, "context_size": {"type": "integer"}, "gguf": {"type": "object", "additionalProperties": {"type": "string"}}, "safetensors": {"type": "object", "additionalProperties": {"type": "string"}}}}}},
"Artifact": {"type": "object", "required": ["id", "manifest", "config"], "properties": {"id": {"type": "string"}, "manifest": {"type": "string"}, "config": {"type": "string"}}},
"PullRequest": {"type": "object", "required": ["from"], "properties": {"from": {"type": "string", "minLength": 1}, "bearer-token": {"type": "string"}, "verify": {"type": "boolean"}, "verify-keys": {"type": "array", "items": {"type": "string"}}}},
"PushRequest": {"type": "object", "properties": {"bearer-token": {"type": "string"}, "signature": {"type": "object", "required": ["payload", "signature", "key"]}}},
"ProgressLine": {"type": "object", "required": ["type", "message"], "properties": {"type": {"enum": ["progress", "success", "warning", "error"]}, "message": {"type": "string"}, "total": {"type": "integer"}, "mode": {"enum": ["pull", "push"]}, "layer": {"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "integer"}, "current": {"type": "integer"}}}}},
"Runner": {"type": "object", "required": ["backend_name", "model_name", "mode", "last_used"], "properties": {"backend_name": {"type": "string"}, "model_name": {"type": "string"}, "mode": {"enum": ["completion", "embedding", "reranking"]}, "last_used": {"type": "string", "format": "date-time"}, "keep_alive": {"type": "string"}, "in_use": {"type": "boolean"}, "loading": {"type": "boolean"}, "draining": {"type": "boolean"}, "context_size": {"type": "integer"}, "slots": {"type": "integer"}, "pid": {"type": "integer"}}},
"ConfigureRequest": {"type": "object", "properties": {"model": {"type": "string"}, "mode": {"enum": ["completion", "embedding", "reranking"]}, "context-size": {"type": ["integer", "null"]}, "runtime-flags": {"type": ["array", "null"], "items": {"type": "string"}}, "raw-runtime-flags": {"type": "string"}, "keep_alive": {"type": ["string", "null"]}, "parallel": {"type": ["integer", "null"]}, "max-concurrent": {"type": ["integer", "null"]}, "speculative": {"type": ["object", "null"]}, "llamacpp": {"type": "object"}, "vllm": {"type": "object"}, "priority": {"enum": ["interactive", "batch", null]}, "preset": {"enum": ["code", "chat", "creative", "long-documents", "low-memory"]}, "preload": {"type": "boolean"}, "reset": {"type": "boolean"}}}
}
}
}
"""#
}
