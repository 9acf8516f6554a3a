from prunebench import theory as theory
from prunebench.errors import PrunebenchError as PrunebenchError
from prunebench.errors import RequestError as RequestError
from prunebench.modules import from_module as from_module
from prunebench.networks import Networks as Networks
from prunebench.networks import shallow_networks as shallow_networks
from prunebench.networks.network import Network as Network
from prunebench.reference_networks import load_network as load_network
from prunebench.scoring.importance import ScorerImportance as ScorerImportance
from prunebench.scoring.registry import load_scorer as load_scorer
from prunebench.scoring.scorer import Scorer as Scorer
from prunebench.tasks.load import load_task as load_task
from prunebench.tasks.task import Task as Task
from prunebench.training.initial import initialise as initialise
from prunebench.training.order import minibatch_order as minibatch_order
from prunebench.training.recipe import Recipe as Recipe
from prunebench.training.snapshot import Snapshot as Snapshot
from prunebench.training.state import State as State
from prunebench.training.train import Trajectory as Trajectory
from prunebench.training.train import train as train

__version__: str
