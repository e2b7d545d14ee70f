"""The official openai package against a running gateway, whose address is in TOLLGATE_BASE_URL.

Run by tests/it/sdk.rs. Uses unittest, so that nothing but the package itself has to be installed.
"""

import asyncio
import os
import sys
import unittest

import openai
from openai import AsyncOpenAI, OpenAI

BASE_URL = os.environ["TOLLGATE_BASE_URL"]
CALLS = 0


def count(calls=1):
    """The gateway must have an end for each of these."""
    global CALLS
    CALLS += calls


def client(key="sk-alice-secret"):
    return OpenAI(base_url=BASE_URL, api_key=key, max_retries=0)


def say(words):
    return [{"role": "user", "content": words}]


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


class Answers(unittest.TestCase):
    def test_chat(self):
        count()
        answer = client().chat.completions.create(model="m", messages=say("hi"))
        self.assertEqual(answer.choices[0].message.content, "echo: hi")
        self.assertEqual(answer.usage.total_tokens, 12)

    def test_stream(self):
        count()
        stream = client().chat.completions.create(model="m", messages=say("hi"), stream=True)
        chunks = list(stream)
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(said, "echo: hi")
        self.assertTrue(all(chunk.usage is None for chunk in chunks), "usage that was not asked for")

    def test_stream_with_usage(self):
        count()
        stream = client().chat.completions.create(
            model="m", messages=say("hi"), stream=True, stream_options={"include_usage": True}
        )
        last = list(stream)[-1]
        self.assertEqual((last.choices, last.usage.total_tokens), ([], 12))

    def test_tools(self):
        count()
        answer = client().chat.completions.create(model="m", messages=say("tool"), tools=TOOLS)
        call = answer.choices[0].message.tool_calls[0]
        self.assertEqual((call.function.name, call.function.arguments), ("get_weather", '{"city":"Paris"}'))

    def test_tools_in_a_stream(self):
        count()
        stream = client().chat.completions.create(model="m", messages=say("tool"), tools=TOOLS, stream=True)
        deltas = [chunk.choices[0].delta for chunk in stream]
        arguments = "".join(call.function.arguments or "" for delta in deltas for call in delta.tool_calls or [])
        self.assertEqual(arguments, '{"city":"Paris"}')

    def test_models(self):
        self.assertEqual([model.id for model in client().models.list()], ["m"])
        self.assertEqual(client().models.retrieve("m").id, "m")

    def test_headers(self):
        count()
        raw = client().chat.completions.with_raw_response.create(model="m", messages=say("hi"))
        self.assertEqual(raw.headers["x-tollgate-provider"], "only")
        self.assertEqual(raw.headers["x-tollgate-attempts"], "1")
        self.assertTrue(raw.headers["x-request-id"])
        self.assertEqual(raw.parse().choices[0].message.content, "echo: hi")

    def test_fifty_calls_at_once(self):
        count(50)

        async def all_of_them():
            async with AsyncOpenAI(base_url=BASE_URL, api_key="sk-alice-secret", max_retries=0) as many:

                async def one(number):
                    words = f"call {number}"
                    if number % 2:
                        answer = await many.chat.completions.create(model="m", messages=say(words))
                        return answer.choices[0].message.content
                    stream = await many.chat.completions.create(model="m", messages=say(words), stream=True)
                    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
                    return "".join(pieces)

                return await asyncio.gather(*(one(number) for number in range(50)))

        self.assertEqual(asyncio.run(all_of_them()), [f"echo: call {number}" for number in range(50)])


class Errors(unittest.TestCase):
    def raised(self, kind, status, code, key="sk-alice-secret", model="m", words="hi", calls=1, **more):
        count(calls)
        with self.assertRaises(kind) as caught:
            client(key).chat.completions.create(model=model, messages=say(words), **more)
        error = caught.exception
        self.assertEqual((error.status_code, error.code), (status, code))
        self.assertTrue(error.request_id)
        return error

    def test_bad_request(self):
        error = self.raised(openai.BadRequestError, 400, None, n=1000)
        self.assertEqual((error.param, error.type), ("n", "invalid_request_error"))

    def test_bad_request_of_the_provider(self):
        self.raised(openai.BadRequestError, 400, None, words="status 400")

    def test_unprocessable(self):
        self.raised(openai.UnprocessableEntityError, 422, None, words="status 422")

    def test_unknown_key(self):
        error = self.raised(openai.AuthenticationError, 401, "invalid_api_key", key="sk-unknown-secret")
        self.assertNotIn("sk-unknown-secret", str(error))

    def test_unknown_model(self):
        self.raised(openai.NotFoundError, 404, "model_not_found", model="nothing")

    def test_model_not_allowed(self):
        self.raised(openai.PermissionDeniedError, 403, "model_not_allowed", key="sk-bob-secret")

    def test_rate_limit(self):
        count()
        client("sk-carol-secret").chat.completions.create(model="m", messages=say("hi"))
        error = self.raised(openai.RateLimitError, 429, "rate_limit_exceeded", key="sk-carol-secret")
        self.assertGreater(int(error.response.headers["retry-after"]), 3000)

    def test_all_providers_failed(self):
        self.raised(openai.InternalServerError, 502, "all_providers_failed", words="status 500")

    def test_the_package_does_not_repeat_a_mistake(self):
        count()
        patient = OpenAI(base_url=BASE_URL, api_key="sk-alice-secret", max_retries=3)
        with self.assertRaises(openai.BadRequestError):
            patient.chat.completions.create(model="m", messages=[])

    def test_a_stream_that_breaks(self):
        count()
        said = ""
        with self.assertRaises(openai.APIError) as caught:
            for chunk in client().chat.completions.create(model="m", messages=say("break"), stream=True):
                said += chunk.choices[0].delta.content or ""
        self.assertEqual(said, "Hello")
        self.assertIn("ended before the answer was whole", str(caught.exception))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    print(f"CALLS {CALLS}", flush=True)
    sys.exit(not program.result.wasSuccessful())
