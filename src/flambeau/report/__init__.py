"""Reports: what a page is made of (`document`), how it is drawn (`figures`, `panels`) and written down (`html`)."""
