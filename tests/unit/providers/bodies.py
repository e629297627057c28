"""Bodies that are sent, signed and verified as text."""

BODIES = {
    "object": '{"id":1}',
    "not ASCII": '{"name":"Zoë, 支払い"}',
    "escapes": '{"name":"\\u0026 \\/ >id<"}',
    "blanks and line ends": '{ "id" : 1 }\r\n',
    "byte order mark": '\ufeff{"id":1}',
    "large": '{"filler":"' + "x" * 300_000 + '"}',
}
