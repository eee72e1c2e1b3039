"""Run a notebook with the kernel of this Python, in the folder where this is started; store it as executed.ipynb.

PYTHON run_notebook.py NOTEBOOK
"""

import sys

import nbformat
from nbclient import NotebookClient

node = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(node, timeout=3000, kernel_name="python3", allow_errors=True)
client.execute()
nbformat.write(node, "executed.ipynb")
