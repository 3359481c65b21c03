import {
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
  LegendDisplayMode,
  LegendPlacement,
} from '@grafana/grafana-foundation-sdk/common';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  type Dashboard,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { DashboardSpec, PanelSpec, Query } from './spec';

/** The data source that the reader chooses at the top. */
const source = { type: 'prometheus', uid: '${datasource}' };
/** Grafana's grid is 24 wide. */
const heights = { stat: 4, lines: 8, stacked: 8 } as const;
const widths = { stat: 4, lines: 8, stacked: 8 } as const;

/** Builds a dashboard of Grafana. */
export function toGrafana(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(`Meseta / ${spec.title}`)
    .uid(`meseta-${spec.name}`)
    .description(spec.description)
    .tags(['meseta'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('Meseta')
        .type(DashboardLinkType.Dashboards)
        .tags(['meseta'])
        .asDropdown(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  for (const { title, panels } of spec.rows) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panelOf(panel));
  }
  const dashboard = builder.build();
  // Grafana numbers the panels of what it imports but not of what it is provisioned with.
  return {
    ...dashboard,
    panels: (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 })),
  };
}

function panelOf(spec: PanelSpec): Builder<Panel> {
  const builder = spec.kind === 'stat' ? statOf() : linesOf(spec.kind === 'stacked');
  builder
    .title(spec.title)
    .description(spec.description)
    .datasource(source)
    .unit(spec.unit)
    .min(0)
    .span(widths[spec.kind])
    .height(heights[spec.kind]);
  spec.queries.forEach((query, index) =>
    builder.withTarget(targetOf(query, String.fromCharCode(65 + index))),
  );
  return builder;
}

function statOf(): StatBuilder {
  return new StatBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function linesOf(stacked: boolean): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .fillOpacity(stacked ? 30 : 5)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  return stacked ? builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : builder;
}

function targetOf({ expr, legend, exemplar }: Query, refId: string): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(refId)
    .datasource(source)
    .expr(expr)
    .legendFormat(legend)
    .range();
  return exemplar === true ? builder.exemplar(true) : builder;
}
