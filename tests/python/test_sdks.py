"""The official openai and anthropic packages against a gateway in front of four vendors, at TOLLGATE_ORIGIN.

Run by tests/it/sdk.rs. The upstreams play what a mark in the last words asks for, and refuse what a real one would; what
they got in the end is checked over there.
"""

import asyncio
import functools
import json
import os
import sys
import unittest

import anthropic
import openai
from pydantic import BaseModel

ORIGIN = os.environ["TOLLGATE_ORIGIN"]
VENDORS = ["openai", "anthropic", "gemini", "cohere"]
CALLS = 0
TEXT = "The capital of France is Paris."
UNICODE = 'naïve café — 東京 🗼 \u2028 "quoted" back\\slash\ttab\nnew line \x01 data: [DONE]\n\nevent: error'


def count(calls=1):
    """The gateway must have an end for each of these."""
    global CALLS
    CALLS += calls


def play(scenario):
    return f"[[play {scenario} random:5]]"


@functools.cache
def for_openai():
    return openai.OpenAI(base_url=f"{ORIGIN}/v1", api_key="sk-alice-secret", max_retries=0)


@functools.cache
def for_anthropic():
    return anthropic.Anthropic(base_url=ORIGIN, api_key="sk-alice-secret", max_retries=0)


class City(BaseModel):
    city: str
    population: int


WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Tells.", "parameters": WEATHER}}]
ANTHROPIC_TOOLS = [{"name": "get_weather", "description": "Tells.", "input_schema": WEATHER}]
RESPONSE_TOOLS = [{"type": "function", "name": "get_weather", "description": "Tells.", "parameters": WEATHER, "strict": False}]
# What each call is answered with, and what the upstream shall play then.
TURNS = [["sunny", f"rain {play('more-thinking-and-tools')}"], [f"snow {play('text')}"]]


def every(*vendors):
    """Runs a test once for each vendor's model."""

    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for vendor in vendors:
                with self.subTest(vendor=vendor):
                    test(self, f"{vendor}-m")

        return run

    return decorate


class Chat(unittest.TestCase):
    def say(self, model, scenario, **more):
        count()
        messages = [{"role": "user", "content": play(scenario)}]
        return for_openai().chat.completions.create(model=model, messages=messages, **more)

    @every(*VENDORS)
    def test_create(self, model):
        answer = self.say(model, "text")
        self.assertEqual(answer.choices[0].message.content, TEXT)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens), (21, 13))

    @every(*VENDORS)
    def test_stream(self, model):
        stream = self.say(model, "unicode", stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(said, UNICODE)
        self.assertEqual(chunks[-1].usage.total_tokens, 34)

    @every(*VENDORS)
    def test_stream_helper_puts_calls_together(self, model):
        count()
        messages = [{"role": "user", "content": play("two-tools")}]
        with for_openai().chat.completions.stream(model=model, messages=messages, tools=CHAT_TOOLS) as stream:
            done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
            message = stream.get_final_completion().choices[0].message
        calls = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
        self.assertEqual(calls, ["Paris", '東京 "都"'])
        self.assertEqual(len(done), 2)

    @every(*VENDORS)
    def test_parse(self, model):
        count()
        answer = for_openai().chat.completions.parse(
            model=model, messages=[{"role": "user", "content": play("json")}], response_format=City
        )
        self.assertEqual(answer.choices[0].message.parsed, City(city="Paris", population=2102650))

    @every(*VENDORS)
    def test_tools_in_three_turns(self, model):
        messages = [{"role": "user", "content": play("thinking-and-tools")}]
        for results in TURNS:
            count()
            answer = for_openai().chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
            message = answer.choices[0].message
            self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
            messages.append(message.model_dump(exclude_none=True))
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": result}
                for call, result in zip(message.tool_calls, results, strict=True)
            ]
        count()
        answer = for_openai().chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
        self.assertEqual(answer.choices[0].message.content, TEXT)

    @every(*VENDORS)
    def test_bad_request(self, model):
        count()
        with self.assertRaises(openai.BadRequestError) as caught:
            messages = [{"role": "user", "content": "[[play status-400 the_knob_is_too_hot]]"}]
            for_openai().chat.completions.create(model=model, messages=messages)
        self.assertIn("the knob is too hot", caught.exception.message)

    @every(*VENDORS)
    def test_a_stream_that_breaks(self, model):
        count()
        messages = [{"role": "user", "content": "[[play error-midway x]]"}]
        said = ""
        with self.assertRaises(openai.APIError):
            for chunk in for_openai().chat.completions.create(model=model, messages=messages, stream=True):
                said += chunk.choices[0].delta.content or ""
        self.assertTrue(TEXT.startswith(said) and said, said)

    @every(*VENDORS)
    def test_async(self, model):
        async def both(model):
            async with openai.AsyncOpenAI(base_url=f"{ORIGIN}/v1", api_key="sk-alice-secret", max_retries=0) as client:
                messages = [{"role": "user", "content": play("text")}]
                whole = client.chat.completions.create(model=model, messages=messages)
                stream = await client.chat.completions.create(model=model, messages=messages, stream=True)
                pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
                return (await whole).choices[0].message.content, "".join(pieces)

        count(2)
        self.assertEqual(asyncio.run(both(model)), (TEXT, TEXT))


class Legacy(unittest.TestCase):
    @every(*VENDORS)
    def test_completions(self, model):
        count(2)
        whole = for_openai().completions.create(model=model, prompt=play("text"))
        self.assertEqual(whole.choices[0].text, TEXT)
        stream = for_openai().completions.create(model=model, prompt=play("text"), stream=True)
        self.assertEqual("".join(chunk.choices[0].text for chunk in stream if chunk.choices), TEXT)


class Responses(unittest.TestCase):
    @every(*VENDORS)
    def test_create(self, model):
        count()
        answer = for_openai().responses.create(model=model, input=play("thinking"), instructions="Be brief.")
        self.assertEqual((answer.status, answer.output_text), ("completed", "Paris."))
        self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (21, 30))

    @every(*VENDORS)
    def test_stream(self, model):
        count()
        with for_openai().responses.stream(model=model, input=play("thinking-and-tools"), tools=RESPONSE_TOOLS) as stream:
            kinds = [event.type for event in stream]
            answer = stream.get_final_response()
        self.assertEqual((kinds[0], kinds[-1]), ("response.created", "response.completed"))
        calls = [json.loads(item.arguments)["city"] for item in answer.output if item.type == "function_call"]
        self.assertEqual(calls, ["Paris", '東京 "都"'])

    @every(*VENDORS)
    def test_parse(self, model):
        count()
        answer = for_openai().responses.parse(model=model, input=play("json"), text_format=City)
        self.assertEqual(answer.output_parsed, City(city="Paris", population=2102650))

    @every(*VENDORS)
    def test_tools_in_three_turns(self, model):
        history = [{"role": "user", "content": play("thinking-and-tools")}]
        more = {"model": model, "tools": RESPONSE_TOOLS, "store": False, "include": ["reasoning.encrypted_content"]}
        for results in TURNS:
            count()
            answer = for_openai().responses.create(input=history, **more)
            history += [item.model_dump(exclude_none=True) for item in answer.output]
            calls = [item for item in answer.output if item.type == "function_call"]
            history += [
                {"type": "function_call_output", "call_id": call.call_id, "output": result}
                for call, result in zip(calls, results, strict=True)
            ]
        count()
        self.assertEqual(for_openai().responses.create(input=history, **more).output_text, TEXT)

    @every(*VENDORS)
    def test_async_stream(self, model):
        async def said(model):
            async with openai.AsyncOpenAI(base_url=f"{ORIGIN}/v1", api_key="sk-alice-secret", max_retries=0) as client:
                stream = await client.responses.create(model=model, input=play("text"), stream=True)
                return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

        count()
        self.assertEqual(asyncio.run(said(model)), TEXT)


class Embeddings(unittest.TestCase):
    @every("openai", "gemini", "cohere", "mistral")
    def test_floats_and_base64(self, model):
        count(3)
        # The package asks for base64 unless it is told otherwise.
        packed = for_openai().embeddings.create(model=model, input=["one", "two", "three"])
        floats = for_openai().embeddings.create(model=model, input=["one", "two", "three"], encoding_format="float")
        one = for_openai().embeddings.create(model=model, input="two")
        self.assertEqual([row.index for row in packed.data], [0, 1, 2])
        for place, row in enumerate(packed.data):
            # Base64 holds floats of 32 bits.
            numbers = zip(row.embedding, floats.data[place].embedding, strict=True)
            self.assertTrue(all(abs(one - other) < 1e-6 for one, other in numbers), (row, floats.data[place]))
        self.assertEqual(one.data[0].embedding, packed.data[1].embedding)
        self.assertEqual(floats.data[1].embedding[1:], [-0.5, 3 / 64])


class Messages(unittest.TestCase):
    def ask(self, model, scenario, **more):
        return {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": play(scenario)}], **more}

    @every(*VENDORS)
    def test_create(self, model):
        count()
        answer = for_anthropic().messages.create(**self.ask(model, "text", system="Be brief."))
        self.assertEqual((answer.content[0].text, answer.stop_reason), (TEXT, "end_turn"))
        self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (21, 13))

    @every(*VENDORS)
    def test_stream(self, model):
        count()
        with for_anthropic().messages.stream(**self.ask(model, "unicode")) as stream:
            said = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual((said, final.content[0].text), (UNICODE, UNICODE))
        self.assertEqual((final.stop_reason, final.usage.output_tokens), ("end_turn", 13))

    @every(*VENDORS)
    def test_stream_with_thinking_and_tools(self, model):
        count()
        with for_anthropic().messages.stream(**self.ask(model, "thinking-and-tools", tools=ANTHROPIC_TOOLS)) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_message()
        calls = [block.input["city"] for block in final.content if block.type == "tool_use"]
        self.assertEqual((calls, final.stop_reason), (["Paris", '東京 "都"'], "tool_use"))
        thoughts = "".join(block.thinking for block in final.content if block.type == "thinking")
        self.assertEqual(thoughts, "Two cities, so two calls.")
        self.assertEqual((kinds[0], kinds[-1]), ("message_start", "message_stop"))

    def three_turns(self, model, answer):
        ask = self.ask(model, "thinking-and-tools", tools=ANTHROPIC_TOOLS)
        ask["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        for results in TURNS:
            count()
            message = answer(ask)
            self.assertEqual(message.stop_reason, "tool_use")
            ask["messages"].append({"role": "assistant", "content": message.content})
            calls = [block for block in message.content if block.type == "tool_use"]
            ask["messages"].append(
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": call.id, "content": result}
                        for call, result in zip(calls, results, strict=True)
                    ],
                }
            )
        count()
        self.assertEqual(answer(ask).content[-1].text, TEXT)

    @every(*VENDORS)
    def test_tools_in_three_turns(self, model):
        self.three_turns(model, lambda ask: for_anthropic().messages.create(**ask))

    @every(*VENDORS)
    def test_tools_in_three_streamed_turns(self, model):
        def streamed(ask):
            with for_anthropic().messages.stream(**ask) as stream:
                return stream.get_final_message()

        self.three_turns(model, streamed)

    @every(*VENDORS)
    def test_count_tokens(self, model):
        count()
        counted = for_anthropic().messages.count_tokens(model=model, messages=[{"role": "user", "content": "Hi you"}])
        self.assertGreater(counted.input_tokens, 0)

    def test_models(self):
        listed = {model.id: model for model in for_anthropic().models.list()}
        self.assertTrue({f"{vendor}-m" for vendor in VENDORS} <= set(listed), listed)
        self.assertEqual(listed["gemini-m"].type, "model")
        self.assertEqual(for_anthropic().models.retrieve("gemini-m").id, "gemini-m")
        self.assertIn("gemini-m", [model.id for model in for_openai().models.list()])

    @every(*VENDORS)
    def test_errors(self, model):
        count()
        ask = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "[[play status-400 the_knob_is_too_hot]]"}]}
        with self.assertRaises(anthropic.BadRequestError) as caught:
            for_anthropic().messages.create(**ask)
        self.assertIn("the knob is too hot", str(caught.exception))
        count()
        with self.assertRaises(anthropic.NotFoundError):
            for_anthropic().messages.create(model="nothing", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
        count()
        with self.assertRaises(anthropic.AuthenticationError):
            wrong = anthropic.Anthropic(base_url=ORIGIN, api_key="sk-wrong", max_retries=0)
            wrong.messages.create(model="gemini-m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])

    @every(*VENDORS)
    def test_a_stream_that_breaks(self, model):
        count()
        ask = {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": "[[play error-midway x]]"}]}
        said = ""
        with self.assertRaises(anthropic.APIError):
            with for_anthropic().messages.stream(**ask) as stream:
                for text in stream.text_stream:
                    said += text
        self.assertTrue(TEXT.startswith(said) and said, said)

    @every(*VENDORS)
    def test_async(self, model):
        async def both(model):
            async with anthropic.AsyncAnthropic(base_url=ORIGIN, api_key="sk-alice-secret", max_retries=0) as client:
                whole = client.messages.create(**self.ask(model, "text"))
                async with client.messages.stream(**self.ask(model, "text")) as stream:
                    pieces = [text async for text in stream.text_stream]
                return (await whole).content[0].text, "".join(pieces)

        count(2)
        self.assertEqual(asyncio.run(both(model)), (TEXT, TEXT))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    print(f"CALLS {CALLS}", flush=True)
    sys.exit(not program.result.wasSuccessful())
