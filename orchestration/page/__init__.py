"""The page of a run: `reports/index.html`, one file that needs nothing else, and those of earlier runs beside it.

`gather` reads what there is into plain data, a section a module; `render` makes the file of it; `write`
puts it in its place.
"""

from orchestration.page.runs import page_name
from orchestration.page.write import INDEX, remove_pages, write_page

__all__ = ["INDEX", "page_name", "remove_pages", "write_page"]
