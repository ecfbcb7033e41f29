#!/usr/bin/env python3
"""The tutorial's program says what its README shows."""

import os
import re
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
program = os.path.join(os.environ.get("O", "build"), "samples/timer/timer")

with open(os.path.join(here, "README.md"), encoding="utf-8") as f:
    shown = re.search(r"^\$ \S+/timer\n(.*?)^```", f.read(), re.M | re.S)
ran = subprocess.run([program], capture_output=True, text=True, timeout=30)
print(ran.stdout + ran.stderr)
if ran.returncode != 0:
    sys.exit("exit status %d" % ran.returncode)
if not shown or ran.stdout != shown.group(1):
    sys.exit("README.md shows something else")
