[build-system]
# Nothing but Python itself: a wheel is built where there is no network.
requires = []
build-backend = "build_wheel"
backend-path = ["."]

[project]
name = "<%= package:gsub("_", "-") %>"
version = "<%= version %>"
description = "<%= library.name %>, for Python"
requires-python = ">=3.9"
dependencies = ["ferry-runtime>=0.1"]

[tool.mypy]
strict = true
