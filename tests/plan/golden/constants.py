# ruff: noqa
# fmt: off
"""Every kind of constant, in the spellings that mean the same."""
NOTHING, YES, NO, DOTS = None, True, False, ...
WHOLE = [0, 1, -1, 0x_ff, 0o17, 0b1010, 1_000_000, 123456789012345678901234567890]
REAL = [0.1, 1e-3, 1e308, 1e999, .5, 5., 3.10, 1_0.0_1]
IMAGINARY = [1j, 0.5J, 1e3j]
TEXT = ["", 'single', "double", "tab\t", "snow\u2603", "\N{SNOWMAN}", "☃", "\ud800", r"raw\n", u"old", "a" "b" 'c', "nul\0"]
BLOCK = """two
lines"""
BYTES = [b"", b"abc", rb"\d", b"\x00\xff", b"a" b'b']
