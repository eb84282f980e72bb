"""`asyncsim cite`: what methods.py says of papers, as BibTeX."""

import re

from commands import complaint

from asyncsim.cli import main
from asyncsim.cli.cite import bibtex
from asyncsim.cli.listing import papers_of
from asyncsim.scenario import known_methods


def test_every_paper_of_a_method_can_be_cited():
    papers = {paper for method in known_methods().values() for paper in papers_of(method)}
    keys = set()
    for paper in papers:
        entry = bibtex(paper)
        title, author, year = (re.search(rf"  {name} = {{(.+)}},", entry)[1] for name in ("title", "author", "year"))
        assert title.strip("{}") in paper and year in paper and author.split(" and ")[0] in paper
        assert ("eprint = {" in entry) == ("arXiv " in paper) and entry.count("{") == entry.count("}")
        keys.add(entry.splitlines()[0])
    assert len(keys) == len(papers) > 10


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["cite", "rennala_nigt"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("@misc{tyurin2025asynchronous,\n  title = {{Asynchronous Policy Gradient Aggregation")
    assert "  author = {Alexander Tyurin and Andrei Spiridonov and Varvara Rudenko},\n" in said
    assert "  eprint = {2305.12387},\n" in said and said.endswith("}\n")
    assert "did you mean 'rennala_nigt'?" in complaint(capsys, "cite", "renala_nigt")
