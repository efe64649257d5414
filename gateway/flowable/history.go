package flowable

import (
	"context"
	"net/http"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/store"
)

func (a *api) mountHistory(m *mount) {
	m.route(http.MethodGet, "/history/historic-process-instances", a.historic)
	m.route(http.MethodGet, "/history/historic-process-instances/:instance", a.getHistoric)
}

// appendHistoric writes an instance as history shows it.
func (l links) appendHistoric(dst []byte, in *instanceView) []byte {
	o := begin(dst)
	o.str("id", in.ID)
	o.str("url", l.to(kindHistoric, in.ID))
	o.text("name", in.Name)
	o.text("businessKey", in.BusinessKey)
	o.str("processDefinitionId", in.Definition)
	o.str("processDefinitionUrl", l.to(kindDefinition, in.Definition))
	o.time("startTime", in.StartTime)
	o.time("endTime", in.EndTime)
	if in.Ended() {
		o.int("durationInMillis", in.EndTime.UnixMilli()-in.StartTime.UnixMilli())
	} else {
		o.null("durationInMillis")
	}
	o.text("startUserId", in.StartUser)
	o.text("startActivityId", in.StartActivity)
	o.text("endActivityId", in.EndActivity)
	o.text("deleteReason", in.DeleteReason)
	o.text("superProcessInstanceId", in.SuperInstance)
	o.with("variables", func(dst []byte) []byte { return appendEach(dst, in.vars, owner{l, kindHistoric, in.ID}.append) })
	o.text("tenantId", in.Tenant)
	return o.end()
}

var historicSorts = sorts{
	{"processInstanceId", "id"}, {"processDefinitionId", "definition"}, {"businessKey", "business"}, {"startTime", "start"},
	{"endTime", "end"}, {"duration", "duration"}, {"tenantId", "tenant"},
}

func (a *api) historic(ctx context.Context, c call) (rest.Reply, error) {
	var p pick
	f := store.InstanceFilter{
		TenantFilter:  p.tenant(c.tenants()),
		ID:            p.text(c.param("processInstanceId")),
		IDs:           p.texts("processInstanceIds", c.words("processInstanceIds")),
		BusinessKey:   p.either(c.param("businessKey"), c.param("processBusinessKey")),
		Name:          p.text(c.param("name")),
		Key:           p.text(c.param("processDefinitionKey")),
		Definition:    p.text(c.param("processDefinitionId")),
		Deployment:    p.text(c.param("deploymentId")),
		SuperInstance: p.text(c.param("superProcessInstanceId")),
		StartedBy:     p.text(c.param("startedBy")),
		StartedAfter:  p.date(&c, "startedAfter"),
		StartedBefore: p.date(&c, "startedBefore"),
		EndedAfter:    p.date(&c, "finishedAfter"),
		EndedBefore:   p.date(&c, "finishedBefore"),
		Ended:         c.truth("finished").is(),
		Kinds:         []store.InstanceKind{store.Forward},
	}
	if p.err != nil {
		return nil, p.err
	}
	shown, err := c.page(paging{}, historicSorts)
	if err != nil {
		return nil, err
	}
	f.Paging = shown.Paging
	return list(shown, p.none, func() ([]instanceView, int, error) {
		return a.instanceViews(ctx, f, c.flag("includeProcessVariables"))
	}, c.links.appendHistoric)
}

func (a *api) getHistoric(ctx context.Context, c call) (rest.Reply, error) {
	id, err := c.in.Path("instance")
	if err != nil {
		return nil, err
	}
	views, _, err := a.instanceViews(ctx, store.InstanceFilter{Paging: only, ID: id, Kinds: []store.InstanceKind{store.Forward}}, c.flag("includeProcessVariables"))
	switch {
	case err != nil:
		return nil, unread(err)
	case len(views) == 0:
		return nil, unknown("historic process instance", id)
	}
	return ok(func(dst []byte) []byte { return c.links.appendHistoric(dst, &views[0]) }), nil
}
