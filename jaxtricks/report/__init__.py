"""The results of a run: a table for the terminal, a folder, and a page in one HTML file that loads no other file."""

from jaxtricks.report.curve import CurvePage
from jaxtricks.report.environment import environment
from jaxtricks.report.examination import ExaminationPage
from jaxtricks.report.fair import FairPage
from jaxtricks.report.figure import Drawing
from jaxtricks.report.files import load, render, save
from jaxtricks.report.gallery import Gallery
from jaxtricks.report.listing import ListedRun, listing
from jaxtricks.report.lr import RatePage
from jaxtricks.report.page import page
from jaxtricks.report.paper import Sheet
from jaxtricks.report.pruning import PruningPage
from jaxtricks.report.record import Record, record_ladder, record_runs, record_study
from jaxtricks.report.screenshot import picture
from jaxtricks.report.search import SearchPage
from jaxtricks.report.shown import RecordPage
from jaxtricks.report.suspects import SuspectsPage
from jaxtricks.report.table import table
from jaxtricks.store.folder import FolderError, fresh

__all__ = [
    "CurvePage",
    "Drawing",
    "ExaminationPage",
    "FairPage",
    "FolderError",
    "Gallery",
    "ListedRun",
    "PruningPage",
    "RatePage",
    "Record",
    "RecordPage",
    "SearchPage",
    "Sheet",
    "SuspectsPage",
    "environment",
    "fresh",
    "listing",
    "load",
    "page",
    "picture",
    "record_ladder",
    "record_runs",
    "record_study",
    "render",
    "save",
    "table",
]
