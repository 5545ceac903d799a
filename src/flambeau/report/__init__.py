"""The report as a page: what it is made of (`document`), its formulas (`markup`) how it is written (`html`)."""
