"""Messages that two parsers may read differently: key case, duplicates, escapes, numbers, unicode, depth, byte order marks, what
follows a message, batches. By name, as bytes."""

import itertools
import random


def call(params: str, before: str = "", after: str = "") -> bytes:
    return f'{{{before}"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}{after}}}'.encode()


def arguments(text: str) -> bytes:
    return call(f'"name":"echo","arguments":{{{text}}}')


def keys() -> dict[str, bytes]:
    """A known key, and one that somebody may take for it."""
    found = {}
    looks = ["Name", "NAME", "nAme", "name ", " name", "name\\u0000", "n\\u0061me", "\\u006e\\u0061\\u006d\\u0065", "na\\u00admE",
             "naｍe", "n\u0430me", "name\\ufeff", "name\\u200b"]
    for look in looks:
        for first, second in [("name", look), (look, "name")]:
            found[f"name and {look!a}, {first!a} first"] = call(f'"{first}":"echo","{second}":"delete_run"')
        found[f"{look!a} alone"] = call(f'"{look}":"delete_run"')
    for look in ["Params", "PARAMS", "param\u017f", "p\\u0061rams", "params "]:
        found[f"params and {look!a}"] = call('"name":"echo"', after=f',"{look}":{{"name":"delete_run"}}')
        found[f"{look!a} and params"] = call('"name":"echo"', before=f'"{look}":{{"name":"delete_run"}},')
    for look in ["Method", "METHOD", "m\\u0065thod", "method\\u0000"]:
        found[f"method and {look!a}"] = call('"name":"echo"', after=f',"{look}":"prompts/get"')
        found[f"{look!a} and method"] = call('"name":"echo"', before=f'"{look}":"prompts/get",')
    for look in ["Arguments", "ARGUMENTS", "argument\u017f", "\\u0061rguments", "arguments "]:
        found[f"arguments and {look!a}"] = call(f'"name":"echo","arguments":{{"a":1}},"{look}":{{"a":2}}')
        found[f"{look!a} and arguments"] = call(f'"name":"echo","{look}":{{"a":2}},"arguments":{{"a":1}}')
        found[f"{look!a} alone for arguments"] = call(f'"name":"echo","{look}":{{"a":2}}')
    for look in ["\u212aey", "Key", "KEY", "ke\\u0079", "key\\u0000", "key "]:
        found[f"an argument key and {look!a}"] = arguments(f'"key":1,"{look}":2')
    for odd in ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "", ".", "a.b", "a[0]", "\\u0000", "\\ud83d\\ude00",
                "\u2028", "e\u0301", "\u00e9", "name", "arguments", "_meta", "length", "0", "-1"]:
        found[f"the argument key {odd!a}"] = arguments(f'"{odd}":{{"a":1}}')
        found[f"the argument key {odd!a} below another"] = arguments(f'"x":{{"{odd}":[1]}}')
    return found


def duplicates() -> dict[str, bytes]:
    return {
        "name twice": call('"name":"echo","name":"delete_run"'),
        "name twice, once escaped": call('"name":"echo","n\\u0061me":"delete_run"'),
        "arguments twice": call('"name":"echo","arguments":{"a":1},"arguments":{"a":2}'),
        "params twice": call('"name":"echo"', after=',"params":{"name":"delete_run"}'),
        "method twice": call('"name":"echo"', after=',"method":"prompts/get"'),
        "id twice": call('"name":"echo"', after=',"id":2'),
        "jsonrpc twice": call('"name":"echo"', after=',"jsonrpc":"2.0"'),
        "an argument twice": arguments('"a":1,"a":2'),
        "an argument twice, once escaped": arguments('"a":1,"\\u0061":2'),
        "an argument twice, deep": arguments('"x":[{"y":{"a":1,"a":2}}]'),
        "é composed and decomposed": arguments('"\u00e9":1,"e\u0301":2'),
        "_meta twice": call('"name":"echo","_meta":{"progressToken":1},"_meta":{"progressToken":2}'),
        "__proto__ twice": arguments('"__proto__":{"a":1},"__proto__":{"a":2}'),
    }


def numbers() -> dict[str, bytes]:
    texts = ["0", "-0", "-0.0", "1.0", "1e0", "1E0", "1e+0", "1e-0", "10e-1", "0.1", "1e400", "-1e400", "1e-400", "9007199254740993",
             "-9007199254740993", "18446744073709551615", "18446744073709551616", "123456789012345678901234567890",
             "100.00000000000000001", "1e308", "1.7976931348623159e308", "5e-324", "2e-324", "0.30000000000000004",
             "3.141592653589793238462643383279", "1" * 400, "0." + "0" * 400 + "1", "1e1000000",
             "01", "+1", "1.", ".1", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity", "-Infinity", "nan", "- 1", "1 2", "\u0661", "1n", "0b1",
             "0o7", "--1", "1,", "'1'"]
    found = {f"the number {text[:30]}": arguments(f'"a":{text}') for text in texts}
    found |= {f"the id {text[:30]}": call('"name":"echo"').replace(b'"id":1', f'"id":{text}'.encode())
              for text in ["0", "-1", "1.0", "1.5", "1e400", '""', '"1"', "null", "true", "[]", "{}", "9007199254740993", "01", "NaN"]}
    return found


def strings() -> dict[str, bytes]:
    texts = ["", "\\u0000", "a\\u0000b", "\\ud83d\\ude00", "\U0001f600", "\\ud83d", "\\ude00", "\\ude00\\ud83d", "\\ud83dx", "\\uD83D\\uDE00",
             "\\u00e9", "e\\u0301", "\\/", "\\b\\f\\n\\r\\t", "\\\"", "\\\\", "\\x41", "\\u12", "\\u{41}", "\\'", "\\0", "\t", "\x00", "\x1f",
             "\x7f", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "\U0010ffff", "\u202e", "\u0130", "\u0131", "\u212a", "\ufb00", "\n"]
    found = {}
    for text in texts:
        found[f"the value {text!a}"] = arguments(f'"a":"{text}"')
        found[f"the tool {text!a}"] = call(f'"name":"{text}"')
        found[f"the tool echo{text!a}"] = call(f'"name":"echo{text}"')
    raw = {"overlong": b"\xc0\xaf", "overlong nul": b"\xc0\x80", "a surrogate": b"\xed\xa0\x80", "cut off": b"\xe2\x82", "a lone tail": b"\x80",
           "beyond unicode": b"\xf4\x90\x80\x80", "latin 1": b"\xe9", "five bytes": b"\xf8\x88\x80\x80\x80"}
    for name, data in raw.items():
        found[f"bytes of a value: {name}"] = arguments('"a":"?"').replace(b"?", data)
        found[f"bytes of the tool: {name}"] = call('"name":"echo?"').replace(b"?", data)
    return found


def shapes() -> dict[str, bytes]:
    good = call('"name":"echo","arguments":{"a":1}')
    other = call('"name":"delete_run"')
    text = good.decode()
    found = {
        "as it should be": good,
        "with space around": b" \t\r\n" + good + b"\n",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16 little endian": text.encode("utf-16-le"),
        "UTF-16 with a mark": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32"),
        "a batch of one": b"[" + good + b"]",
        "a batch of two": b"[" + good + b"," + other + b"]",
        "an empty batch": b"[]",
        "a batch in a batch": b"[[" + good + b"]]",
        "two messages": good + other,
        "two lines": good + b"\n" + other,
        "a record separator": b"\x1e" + good,
        "a trailing comma": text[:-1].encode() + b",}",
        "a trailing comma in the arguments": arguments('"a":1,'),
        "a nul after it": good + b"\x00",
        "a letter after it": good + b" x",
        "a bracket after it": good + b"}",
        "a comment": b"/* x */" + good,
        "a comment inside": text.replace('"params"', '/*x*/"params"').encode(),
        "a line comment": text.replace('"params"', '//x\n"params"').encode(),
        "single quotes": text.replace('"', "'").encode(),
        "keys without quotes": text.replace('"method"', "method").encode(),
        "no colon": text.replace('"name":', '"name"').encode(),
        "a vertical tab": text.replace('"params"', '\x0b"params"').encode(),
        "a no-break space": text.replace('"params"', '\u00a0"params"').encode(),
        "cut off": good[:-1],
        "empty": b"",
        "space": b"  ",
        "a string": b'"x"',
        "null": b"null",
        "a number": b"1",
        "no jsonrpc": text.replace('"jsonrpc":"2.0",', "").encode(),
        "jsonrpc 1.0": text.replace('"2.0"', '"1.0"').encode(),
        "jsonrpc as a number": text.replace('"2.0"', "2.0").encode(),
        "no id": text.replace('"id":1,', "").encode(),
        "a result beside the method": text.replace('"id":1,', '"id":1,"result":{},').encode(),
        "an error beside the method": text.replace('"id":1,', '"id":1,"error":{"code":1,"message":"x"},').encode(),
        "method as an array": text.replace('"tools/call"', '["tools/call"]').encode(),
        "method null": text.replace('"tools/call"', "null").encode(),
        "another case of the method": text.replace("tools/call", "Tools/Call").encode(),
        "the method escaped": text.replace("tools/call", "tools\\/c\\u0061ll").encode(),
        "the method with space": text.replace("tools/call", "tools/call ").encode(),
        "the method with a nul": text.replace("tools/call", "tools/call\\u0000").encode(),
        "params as an array": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo"]}',
        "params null": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}',
        "no params": b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
        "name as an array": call('"name":["echo"]'),
        "name null": call('"name":null'),
        "name as a number": call('"name":1'),
        "name as an object": call('"name":{"toString":"echo"}'),
        "arguments null": call('"name":"echo","arguments":null'),
        "arguments as an array": call('"name":"echo","arguments":["a"]'),
        "arguments as a string": call('"name":"echo","arguments":"{\\"a\\":1}"'),
        "arguments missing": call('"name":"echo"'),
        "arguments empty": call('"name":"echo","arguments":{}'),
        "unknown members": call('"name":"echo","x":{"name":"delete_run"},"task":{"ttl":1}', after=',"x":1'),
        "input beside the arguments": call('"name":"echo","inputResponses":{"a":{"action":"accept"}},"requestState":"x"'),
        "a prompt": b'{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p","arguments":{"a":"1"}}}',
        "a resource": b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a/../b"}}',
        "a resource escaped": b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:\\/\\/\\/\\u0061"}}',
        "a resource with space": b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":" file:///a"}}',
        "a resource with capitals": b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"FILE://HOST/A%2e"}}',
        "a list": b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"echo"}}',
    }
    for depth in [30, 59, 60, 61, 62, 63, 64, 100, 130, 200, 250, 300, 1000, 5000]:
        found[f"arrays {depth} deep"] = arguments('"a":' + "[" * depth + "]" * depth)
        found[f"objects {depth} deep"] = arguments('"a":' + '{"b":' * depth + "1" + "}" * depth)
    return found


def mutations(count: int) -> dict[str, bytes]:
    """Messages with a few pieces put in, left out or doubled, by chance with a fixed seed."""
    chance = random.Random(20261122)
    bases = [call('"name":"echo","arguments":{"a":"b","c":[1,2.5,null,true],"d":{"e":"\\u00e9"}},"_meta":{"progressToken":"t"}'),
             b'{"jsonrpc":"2.0","id":"x","method":"prompts/get","params":{"name":"p","arguments":{"a":"1"}}}']
    pieces = [b'"', b"\\", b"\\u0061", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"e9", b".", b" ", b"\n", b"\x00", b"\xef\xbb\xbf",
              b"\xc3\xa9", b"null", b"true", b'"name":"delete_run",', b'"arguments":{},', b'"a":1,', b"//", b"/**/", b"'", b"N", b"A", b"\xe2\x84\xaa"]
    found = {}
    for number in range(count):
        text = bytearray(chance.choice(bases))
        for _ in range(chance.choice([1, 1, 2, 3])):
            at = chance.randrange(len(text) + 1)
            match chance.randrange(4):
                case 0:
                    text[at:at] = chance.choice(pieces)
                case 1:
                    del text[at:at + chance.choice([1, 1, 2, 5])]
                case 2:
                    text[at:at] = text[at:at + chance.choice([1, 4, 12, 20])]
                case 3:
                    text[at:at + 1] = text[at:at + 1].swapcase()
        found[f"mutation {number}"] = bytes(text)
    return found


def every(mutated: int) -> dict[str, bytes]:
    parts = [shapes(), keys(), duplicates(), numbers(), strings(), mutations(mutated)]
    return dict(itertools.chain.from_iterable(part.items() for part in parts))
