"""Steps on a Dask cluster.

`lanes` is the runner's side: it packs a step's folder into a parcel, which `dispatch` submits, sends what it lacks to,
and takes back what the step wrote.
`site` and `attempt` are the other side, in the process of a Dask worker: they ask for the bytes that they lack, and
run the step as the runner does, in a clean process of its own. `connection` alone knows where the cluster comes from.
"""
