"""Questions with a choice of answers, each with its reason: a page without a kernel, a network or a script."""

import html
from dataclasses import dataclass
from importlib.resources import files

from paintlib.checks import require


@dataclass(frozen=True)
class Quiz:
    """A question and its choices, (words, whether it is right, the reason); as a cell's output, one HTML fragment."""

    question: str
    choices: tuple

    def __repr__(self):
        return f"explore.quiz: {self.question}"

    def _repr_html_(self):
        style = files("paintlib.explore").joinpath("quiz.css").read_text("utf-8")
        legend = f"<legend><b>Which is right?</b> {html.escape(self.question)}</legend>"
        choices = "".join(
            f'<details class="{"right" if right else "wrong"}"><summary>{html.escape(words)}</summary>'
            f"<p><b>{'Right.' if right else 'No.'}</b> {html.escape(reason)}</p></details>"
            for words, right, reason in self.choices
        )
        return f'<fieldset class="paint-quiz"><style>{style}</style>{legend}{choices}</fieldset>'


def quiz(question, *choices):
    """A question that the reader answers by opening a choice, and a reason behind each.

    choices: two or more (words, right, reason), of which one has right=True, in the order in which they are shown. All
    are plain text. A browser opens and closes them by itself, by mouse, touch and keyboard.
    """
    require(isinstance(question, str) and question.strip(), "question", question, "give it as text")
    for choice in choices:
        fits = isinstance(choice, tuple | list) and [type(part) for part in choice] == [str, bool, str]
        require(fits, "choices", choice, "give each as (words, True or False, reason)")
        require(
            choice[0].strip() and choice[2].strip(), "choices", choice, "say what is chosen, and why it is or is not"
        )
    rights = sum(choice[1] for choice in choices)
    require(
        len(choices) > 1 and rights == 1, "choices", f"{len(choices)}, {rights} right", "give two or more, one right"
    )
    shown = [words for words, *_ in choices]
    require(len(set(shown)) == len(shown), "choices", shown, "say different things")
    return Quiz(question, tuple(map(tuple, choices)))
