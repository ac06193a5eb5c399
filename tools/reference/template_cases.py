"""Conversations that exercise chat templates."""

from __future__ import annotations

from typing import Any

Messages = list[dict[str, Any]]


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def _system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Says the weather of a \"place\" & its <temperature>",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string", "description": "a town, e.g. Zürich"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
                "required": ["place"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}},
]
_CALL = {"type": "function", "id": "call12345", "function": {"name": "get_weather", "arguments": {"place": "Zürich", "unit": "celsius"}}}
_SECOND_CALL = {"type": "function", "id": "call67890", "function": {"name": "now", "arguments": {}}}

CONVERSATIONS: dict[str, Messages] = {
    "one question": [_user("Hello, who are you?")],
    "system and question": [_system("You are a storyteller."), _user("Tell me a story.")],
    "three turns": [_user("Hi"), _assistant("Hello!"), _user("A story, please.")],
    "system and five turns": [_system("Be brief."), _user("One?"), _assistant("Two."), _user("Three?"), _assistant("Four."), _user("Five?")],
    "ends with the assistant": [_user("Say hi."), _assistant("Hi.")],
    "surrounding space": [_system("  spaces around \n"), _user("\n\n  text  \n"), _assistant("  answer\n"), _user(" again ")],
    "unicode": [_system("日本語で答えて。"), _user("👨‍👩‍👧 café, naïve — «quotes» عربى"), _assistant("🙂"), _user("é")],
    "empty content": [_user("")],
    "empty system": [_system(""), _user("Hello")],
    "special tokens and braces inside": [_user("{{ bos_token }} {% if x %} </s> <|im_end|> [/INST] {# no #}")],
    "quotes, tags and backslashes": [_user("\"double\" 'single' \\n <b>&amp;</b>")],
    "many lines": [_user("line one\nline two\n\n- item\n\tindented")],
    "roles do not alternate": [_user("one"), _user("two")],
    "begins with the assistant": [_assistant("Hello"), _user("Hi")],
    "unknown role": [_user("one"), {"role": "narrator", "content": "two"}],
    "system in the middle": [_user("one"), _assistant("two"), _system("three"), _user("four")],
    "content in parts": [_user([{"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}])],
    "system in parts": [_system([{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}]), _user("Hi")],
    "thoughts in the content": [_user("1?"), _assistant("<think>\nhm\n</think>\n\nYes."), _user("2?"), _assistant("<think>\nwell\n</think>\n\nNo.")],
    "thoughts beside the content": [_user("1?"), _assistant("Yes.", reasoning_content="hm\n")],
}

TOOL_CONVERSATIONS: dict[str, Messages] = {
    "tools and a question": [_user("What is the weather in Zürich?")],
    "tools, system and a question": [_system("Use tools."), _user("What is the weather?")],
    "a call and its result": [_user("Weather?"), _assistant("", tool_calls=[_CALL]), {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"degrees\": 21}"}],
    "a call, its result and an answer": [
        _user("Weather?"),
        _assistant("", tool_calls=[_CALL]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "21 °C"},
        _assistant("It is 21 °C."),
        _user("Thanks!"),
    ],
    "two calls at once": [
        _user("Weather and time?"),
        _assistant("Let me see.", tool_calls=[_CALL, _SECOND_CALL]),
        {"role": "tool", "tool_call_id": "call12345", "content": "21"},
        {"role": "tool", "tool_call_id": "call67890", "content": "12:00"},
    ],
    "a call whose id is too short": [_user("Time?"), _assistant("", tool_calls=[{**_SECOND_CALL, "id": "x"}])],
    "only a system message": [_system("Use tools.")],
}

# Variables beside messages, per template; each set is rendered for the first conversations.
VARIABLES: dict[str, tuple[dict[str, Any], ...]] = {
    "qwen3": ({"enable_thinking": False}, {"enable_thinking": True}),
    "llama31": ({"date_string": "20 Nov 2026"}, {"date_string": "20 Nov 2026", "tools_in_user_message": False}),
}
# What every rendering of the template gets, so that no date is taken from the clock.
ALWAYS: dict[str, dict[str, Any]] = {"llama31": {"date_string": "26 Jul 2024"}}
# These print a list as Python does, which is nobody's wish.
PRINTS_PARTS = ("llama3",)
WITH_TOOLS = ("llama31", "mistral-v3", "qwen2", "qwen3")
TOKENS: dict[str, dict[str, str]] = {
    "llama2": {"bos_token": "<s>", "eos_token": "</s>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>"},
    "gemma": {"bos_token": "<bos>", "eos_token": "<eos>"},
    "mistral-v3": {"bos_token": "<s>", "eos_token": "</s>"},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "llama31": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "chatml": {"eos_token": "<|im_end|>"},
    "qwen2": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "qwen3": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "embedded": {"bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|pad|>"},
}
