import pandas as pd

from workbench import rolling, snapshots

DAY = pd.Timestamp("1997-12-31")


def test_orders_after_the_origin_change_no_feature_and_no_fit(sample_orders):
    later = sample_orders["date"] > DAY
    moved = sample_orders.assign(
        amount=sample_orders["amount"].where(~later, 999.0),
        date=sample_orders["date"].where(~later, sample_orders["date"] + pd.Timedelta(days=400)),
    )
    honest = rolling.features(sample_orders, origin=DAY, horizon_days=91)
    pd.testing.assert_frame_equal(rolling.features(moved, origin=DAY, horizon_days=91), honest)
    pd.testing.assert_frame_equal(
        rolling.features(sample_orders[~later], origin=DAY, horizon_days=91), honest
    )


def test_every_panel_has_the_probability_of_the_purchase_model(sample_orders):
    end = sample_orders["date"].max()
    days = snapshots.origins(sample_orders, as_of=end, horizon_days=91, gap_days=0)
    panels = rolling.panels(sample_orders, origins=days, horizon_days=91, as_of=end)
    assert list(panels) == days
    for panel in panels.values():
        assert panel.features[snapshots.P_NO_PURCHASE].between(0, 1).all()


def test_where_one_origin_bears_no_model_no_panel_has_its_column(sample_orders):
    early = pd.Timestamp("1997-01-04")
    days = [early, DAY]
    end = sample_orders["date"].max()
    panels = rolling.panels(sample_orders, origins=days, horizon_days=91, as_of=end)
    for panel in panels.values():
        assert snapshots.P_NO_PURCHASE not in panel.features
