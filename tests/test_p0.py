"""p0 from what people have: the script for Hugging Face models runs, and makes a file that sweeps read."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from tests.conftest import ROOT

TEXT = "Once upon a time there was a little girl who had a red hood and a grandmother in the wood. " * 20


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A model of the kind of SmolLM2 with one layer, random weights and a padded vocabulary, and its tokenizer."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    transformers = pytest.importorskip("transformers", reason="PyTorch is not installed, or transformers is not")
    tokenizers = pytest.importorskip("tokenizers", reason="PyTorch is not installed, nor tokenizers")
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator([TEXT], vocab_size=300)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, bos_token="Ġ", eos_token="Ġ")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=len(tokenizer) + 12, tie_word_embeddings=True, **sizes)
    folder = tmp_path / "model"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_logits_of_a_hugging_face_model_become_a_p0(tiny_model: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "p0.md").read_text(encoding="utf-8")
    (script,) = (each for each in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "import torch" in each)
    (toml,) = (each for each in re.findall(r"^```toml\n(.*?)^```", page, re.M | re.S) if "my_logits.nc" in each)
    (tmp_path / "next_token_logits.py").write_text(script.replace("KEPT = 512", "KEPT = 100"))
    (tmp_path / "data").mkdir()
    command = [sys.executable, "next_token_logits.py", str(tiny_model), "data/my_logits.nc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(tmp_path / "data" / "my_logits.nc") as data:
        assert 100 <= data.sizes["token"] <= 200
        assert (data.kept_mass > 0).all()
        assert (data.kept_mass <= 1).all()
        logits = data.logits.sel(prompt="story")
        p = np.exp(logits - logits.max())
        p = p / p.sum()
    sweep = {"generations": 0, "replicates": 1}
    (tmp_path / "s.toml").write_text("generations = 0\nreplicates = 1\n" + toml.replace(", top = 512", ""))
    from_file = jc.run(tmp_path / "s.toml", progress=False).entropy.values
    np.testing.assert_allclose(from_file, -(p * np.log(p)).sum(), rtol=1e-5)
    from_array = jc.run({**sweep, "process": {"initial": logits}}, progress=False).entropy.values
    np.testing.assert_allclose(from_file, from_array, rtol=1e-6)


@pytest.mark.parametrize("kind", ["array", "values", "axis", "named"])
def test_a_sweep_with_a_whole_vocabulary_shows_itself_in_a_few_lines(kind: str) -> None:
    logits = np.random.default_rng(0).normal(size=49_152)
    names = [f"token {index}" for index in range(logits.size)]
    table = {
        "array": {"process": {"initial": logits}},
        "values": {"process": {"initial": {"kind": "values", "logits": logits.tolist()}}},
        "axis": {"axes": {"initial": [logits, -logits, 2 * logits]}},
        "named": {"process": {"initial": xr.DataArray(logits, coords={"token": names}, dims="token", name="logits")}},
    }[kind]
    sweep = jc.Sweep.from_dict({"generations": 1, **table})
    for text in (repr(sweep), sweep._repr_html_(), repr(jc.plan(sweep)), jc.plan(sweep)._repr_html_()):
        assert len(text) < 2000
    assert "49152 values" in repr(sweep)
