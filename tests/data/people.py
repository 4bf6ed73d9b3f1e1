"""A table of a thousand people with every kind of column, and how its columns are declared."""

COLUMNS = {
    "id": {"type": "int", "role": "id"},
    "name": {"type": "string", "tags": ["pii"]},
    "age": {"type": "float", "max_missing": 1},
    "city": {"type": "string"},
    "day": {"type": "date"},
    "y": {"type": "bool", "role": "target"},
}
ROWS = "".join(
    f"{i},person{i},{'' if i % 10 == 9 else i / 7},c{i * i % 61:02},2025-01-{i % 28 + 1:02},{i % 2}\n"
    for i in range(1000)
)
TEXT = "id,name,age,city,day,y\n" + ROWS
