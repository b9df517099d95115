"""Files that mean harm or are broken, each made from a random number."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import date, timedelta

import openpyxl
import pyarrow as pa
from pyarrow import parquet

Random = random.Random
HEADER = ["Date", "Region", "Product ID", "Amount", "Quantity"]


def table(rng: Random, rows: int = 60) -> list[list[str]]:
    """A header and good rows."""
    days = [date(2022, 1, 1) + timedelta(days=rng.randrange(700)) for _ in range(rows)]
    return [
        HEADER,
        *(
            [str(day), f"R{n % 3}", f"P-{n % 7}", f"{rng.randrange(9_999) / 100}", str(n % 9)]
            for n, day in enumerate(days)
        ),
    ]


def csv_of(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def with_cells(rng: Random, values: list[str], share: float = 0.3) -> bytes:
    """A CSV file in which some cells are others than they should be."""
    rows = table(rng)
    for row in rows[1:]:
        if rng.random() < share:
            row[rng.randrange(5)] = rng.choice(values)
    return csv_of(rows)


def workbook_of(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_part(content: bytes, path: str, part: bytes) -> bytes:
    """A workbook with one part replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), path}:
            new.writestr(name, part if name == path else old.read(name))
    return out.getvalue()


def parquet_of(rng: Random) -> bytes:
    header, *rows = table(rng)
    file = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), file)
    return file.getvalue()


def json_of(rng: Random) -> bytes:
    header, *rows = table(rng)
    return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows).encode()


def any_of(rng: Random) -> bytes:
    """A good file of any format."""
    kind = rng.randrange(5)
    if kind < 2:
        content = csv_of(table(rng))
        return gzip.compress(content) if kind else content
    return (workbook_of(table(rng)), parquet_of(rng), json_of(rng))[kind - 2]


def truncated_gzip(rng: Random) -> bytes:
    content = gzip.compress(csv_of(table(rng, 4_000)))
    return content[: rng.randrange(3, len(content))]


def nul_bytes(rng: Random) -> bytes:
    content = bytearray(csv_of(table(rng, 20_000)))
    for _ in range(rng.randrange(1, 50)):
        content[rng.randrange(100, len(content))] = 0
    return bytes(content)


def many_columns(rng: Random) -> bytes:
    count = rng.choice([1_001, 10_000, 50_000])
    return csv_of([[f"c{n}" for n in range(count)], ["1"] * count])


def single_line(rng: Random) -> bytes:
    start = rng.choice([b"", csv_of(table(rng)), csv_of(table(rng)) + b'"', b"Date,Amount\n"])
    return start + rng.choice([b"x", b"1,", b'"', b"\t", b" "]) * 100_000_000


def formulas(rng: Random) -> bytes:
    return with_cells(rng, ["=cmd|'/C calc'!A0", "+1+1", "-2+3|x", "@SUM(A1)", "\t=1", '"=HYPERLINK(""http://x"")"'])


def mixed_encodings(rng: Random) -> bytes:
    lines = [csv_of([row]) for row in table(rng)]
    for n in range(1, len(lines)):
        lines[n] = lines[n].replace(b"R", "Größe ½".encode(rng.choice(["utf-8", "cp1252", "utf-16-le", "cp437"])))
    return b"".join(lines)


def workbook_bomb(rng: Random) -> bytes:
    path = rng.choice(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/media/image.bin"])
    piece = rng.choice([b"\0", b" ", b"<row><c><v>1</v></c></row>", b"<si><t>ab</t></si>"])
    return with_part(workbook_of(table(rng)), path, piece * (120_000_000 // len(piece)))


def gzip_bomb(rng: Random) -> bytes:
    filling = rng.choice([b"\0", b" ", b"2024-01-31,R,P,1,1\n", b"\n", b"{}\n"])
    return gzip.compress(csv_of(table(rng)) + filling * (150_000_000 // len(filling)), 6)


def open_quotes(rng: Random) -> bytes:
    content = csv_of(table(rng, 300))
    at = rng.randrange(len(content))
    return content[:at] + b'"' + content[at:]


def enormous_numbers(rng: Random) -> bytes:
    return with_cells(rng, ["9" * 400, "9" * 5_000, "1e308", "1e999", "-" + "9" * 60, "0x1F", "1_000", "٣٤", "²"])


def infinities(rng: Random) -> bytes:
    return with_cells(rng, ["inf", "-Infinity", "nan", "NaN", "1e-400", "#N/A", "NULL", "-0", "+", ".", "e5"])


def odd_dates(rng: Random) -> bytes:
    return with_cells(
        rng,
        [
            "0000-00-00",
            "9999-12-31",
            "31/02/2024",
            "2024-13-01",
            "1/1/1",
            "٠١/٠٢/٢٠٢٤",
            "2024-01-31T99:99",
            "-1",
            "99999999",
        ],
    )


def deep_json(rng: Random) -> bytes:
    good, depth = json_of(rng), rng.choice([50, 2_000, 200_000])
    deep = rng.choice(['{"a":' * depth + "1" + "}" * depth, '{"a":' + "[" * depth + "]" * depth + "}"]).encode()
    return rng.choice([good + b"\n" + deep + b"\n", deep, b"[" + deep + b"]"])


def huge_json(rng: Random) -> bytes:
    start = rng.choice([json_of(rng) + b"\n", b"", b"["])
    return start + b'{"Date": "2024-01-31", "a": "' + b"x" * 40_000_000 + rng.choice([b'"}', b""])


def odd_json(rng: Random) -> bytes:
    lines = json_of(rng).split(b"\n")
    for n in range(len(lines)):
        if rng.random() < 0.3:
            lines[n] = rng.choice(
                [
                    b"null",
                    b"[]",
                    b"{}",
                    b'{"Amount": ' + b"9" * 9_000 + b"}",
                    b'{"Date": "\\ud800"}',
                    b'{"": {"": []}}',
                    b"{",
                ]
            )
    return b"\n".join(lines)


def external_entities(rng: Random) -> bytes:
    path = rng.choice(
        [
            "xl/worksheets/sheet1.xml",
            "xl/styles.xml",
            "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels",
        ]
    )
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    entity = rng.choice(
        ['<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;', laughs]
    )
    content = workbook_of(table(rng))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.read(path) if path in archive.namelist() else b"<sst/>"
    body = part[part.index(b"?>") + 2 :] if part.startswith(b"<?xml") else part
    return with_part(content, path, f'<!DOCTYPE r [<!ENTITY l0 "ha">{entity}]>'.encode() + body.replace(b"R1", b"&x;"))


def odd_sheet(rng: Random) -> bytes:
    content = workbook_of(table(rng))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    extra = rng.choice(
        [
            "".join(f'<row r="{number}"/>' for number in range(100, 1_000_000, 1)),
            '<row r="1048576"><c r="A1048576"><v>1</v></c></row>',
            '<row r="99999999999"><c><v>1</v></c></row>',
            '<row r="900"><c r="ZZZZZZZZ900"><v>1</v></c></row>',
            '<row r="900"><c r="XFD900"><v>1</v></c></row>',
            '<row r="900">' + "<c/>" * 3_000_000 + "</row>",
            '<row r="900">' + "<c><v>1</v></c>" * 1_000_000 + "</row>",
            '<row r="900"><c t="s"><v>999999999</v></c></row>',
            '<row r="900"><c t="s"><v>x</v></c><c s="-7"><v>1</v></c></row>',
            '<row r="900"><c t="inlineStr"><is><t>' + "x" * 30_000_000 + "</t></is></c></row>",
            '<row r="900">' + "<c>" * 300_000,
            '<row r="1"><c><v>1</v></c></row>',
            '<row r="900"><c s="1"><v>-1</v></c><c s="1"><v>1e300</v></c><c t="d"><v>never</v></c></row>',
        ]
    )
    return with_part(
        content, "xl/worksheets/sheet1.xml", sheet.replace("</sheetData>", extra + "</sheetData>").encode()
    )


def corrupt_footer(rng: Random) -> bytes:
    content = bytearray(parquet_of(rng))
    footer = struct.unpack("<I", content[-8:-4])[0]
    for _ in range(rng.randrange(1, 30)):
        content[-8 - rng.randrange(footer)] = rng.randrange(256)
    return bytes(content)


def claimed_rows(rng: Random) -> bytes:
    """A Parquet file whose footer says a thousand million rows where there are few."""

    def varint(number: int) -> bytes:
        number, out = number << 1, b""
        while number > 127:
            out, number = out + bytes([number & 127 | 128]), number >> 7
        return out + bytes([number])

    file = io.BytesIO()
    header, *rows = table(rng, 1_234)
    parquet.write_table(pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), file)
    content = file.getvalue()
    length = struct.unpack("<I", content[-8:-4])[0]
    footer = content[-8 - length : -8].replace(varint(1_234), varint(rng.choice([10**9, 99_999_999, 2**62])))
    return content[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1"


def repeated_text(rng: Random) -> bytes:
    """A small Parquet file that names one long text again and again."""
    columns = [pa.array([text] * 3_000_000).dictionary_encode() for text in ("2024-01-31", "North", "P-1", "1")]
    columns.append(pa.DictionaryArray.from_arrays(pa.array([0] * 3_000_000, pa.int32()), pa.array(["y" * 100_000])))
    file = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(HEADER, columns, strict=True))), file)
    return file.getvalue()


def invalid_utf8(rng: Random) -> bytes:
    return csv_of(table(rng)).replace(
        b"R1", rng.choice([b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
    )


def directions(rng: Random) -> bytes:
    return with_cells(
        rng, ["\u202ecod.exe", "\u2066x\u2069", "\u200b", "\ufeff", "a\u0301" * 300, "\U000e0041", "\u2028"]
    )


def mutated(rng: Random) -> bytes:
    """A good file with bytes changed, left out, repeated or cut off."""
    content = bytearray(any_of(rng))
    for _ in range(rng.randrange(1, 12)):
        at, to = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        change = rng.randrange(4)
        if change == 0 and at < len(content):
            content[at] = rng.randrange(256)
        elif change == 1:
            del content[at : min(to, at + 20)]
        elif change == 2:
            content[at:at] = content[at : min(to, at + 200)]
        elif change == 3 and rng.random() < 0.1:
            del content[at:]
    return bytes(content)


def noise(rng: Random) -> bytes:
    start = rng.choice(
        [b"", b"PK\x03\x04", b"PAR1", b"\x1f\x8b\x08", b"{", b"[{", b"\xff\xfe", b"\xef\xbb\xbf", b"\xd0\xcf\x11\xe0"]
    )
    return start + rng.choice([rng.randbytes, lambda size: bytes(rng.choices(b'",;\n\r\t =1aZ{}[]:', k=size))])(2_000)


def odd_line_ends(rng: Random) -> bytes:
    return csv_of(table(rng)).replace(
        b"\n", rng.choice([b"\r", b"\r\n", b"\n\n\n", b"\r\r\n", b"\n\r", b"\x0b", b"\x85", b";\n"])
    )


def many_entries(rng: Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(rng.choice([3_000, 30_000])):
            archive.writestr(f"xl/{number}", b"")
    return out.getvalue()


KINDS: tuple[Callable[[Random], bytes], ...] = (
    truncated_gzip,
    nul_bytes,
    many_columns,
    single_line,
    formulas,
    mixed_encodings,
    workbook_bomb,
    gzip_bomb,
    open_quotes,
    enormous_numbers,
    infinities,
    odd_dates,
    deep_json,
    huge_json,
    odd_json,
    external_entities,
    odd_sheet,
    corrupt_footer,
    claimed_rows,
    repeated_text,
    invalid_utf8,
    directions,
    mutated,
    noise,
    odd_line_ends,
    many_entries,
)
