"""The suite's client under test: "a client, then the gateway, then the suite's server". Has the running test put a server at the URL
behind the gateway, and lets the client call it there.

usage: through.py CONTROL NODE SCENARIO.MJS URL
"""

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request

control, node, client, url = sys.argv[1:]
with urllib.request.urlopen(f"{control}/?{urllib.parse.urlencode({'url': url})}", timeout=60) as answer:
    place = json.load(answer)
sys.exit(subprocess.run([node, client, place["url"], place["key"]], env=os.environ, check=False, timeout=60).returncode)
