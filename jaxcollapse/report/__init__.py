"""A study as a page to look at: `jaxcollapse report` writes it, `jaxcollapse explore` serves it.

Sentences are made in `answer.py`, numbers in `stored.py`, empty figures in `figures.py`, and the page in `page.py` from
`page.html` and `page.css`. In the browser `page.js` knows what is chosen, `numbers.js` where numbers are from,
`pictures.js` and `keys.js` draw them, and `look.js` says how they look.
"""
