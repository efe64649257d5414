package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"time"

	"github.com/riverstones/riverstones/store"
)

// ready starts the instances that stand by, and works some of each kind.
func (p *processes) ready(ctx context.Context) error {
	if p.cfg.Waiting > 0 {
		w := newWatch(p.tag+"b", p.cfg.Waiting)
		if err := p.starter(w, p.key+"-waiting").run(ctx, 0); err != nil {
			return err
		}
	}
	if p.cfg.Warm == 0 || p.model.stones == nil {
		return nil
	}
	if err := p.warm(ctx); err != nil {
		return err
	}
	return p.drive(ctx, p.starter(newWatch(p.tag+"w", p.cfg.Warm), p.key+"-warm"), 0)
}

// askLists measures queries of executions while all instances wait.
func (p *processes) askLists(ctx context.Context, prefix string) (err error) {
	var some []store.Instance
	st := p.app.Store()
	if _, p.executions, err = st.Executions(ctx, store.ExecutionFilter{}); err != nil {
		return err
	}
	if some, _, err = st.Instances(ctx, store.InstanceFilter{Key: p.key, Paging: store.Paging{Size: 1}}); err != nil {
		return err
	}
	byVariable := fmt.Sprintf(`{"processVariables":[{"name":"group","operation":"equals","type":"string","value":"%sp%0*d"}]}`, prefix, digits, 0)
	p.lists = map[string]float64{}
	for name, q := range map[string][3]string{
		"default":  {http.MethodGet, "/runtime/executions"},
		"activity": {http.MethodGet, "/runtime/executions?activityId=" + waits},
		"instance": {http.MethodGet, "/runtime/executions?processInstanceId=" + some[0].ID},
		"variable": {http.MethodPost, "/query/executions", byVariable},
	} {
		var took []time.Duration
		for range listTries {
			begin := time.Now()
			if err := p.call(ctx, q[0], q[1], "application/json", []byte(q[2])); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		p.lists[name] = quantile(took, .5)
	}
	return nil
}

// deploy deploys the models as a client of Flowable does.
func (p *processes) deploy(ctx context.Context) error {
	for key, m := range map[string]model{p.key: p.model, p.key + "-warm": p.model, p.key + "-waiting": {}} {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", "bench.bpmn20.xml")
		if err != nil {
			return err
		}
		_, err = part.Write(m.file(key, p.cfg.Stones))
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		if err := p.call(ctx, http.MethodPost, "/repository/deployments", w.FormDataContentType(), form.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (p *processes) call(ctx context.Context, method, path, kind string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, p.app.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("%s %s answered %s: %.500s", method, path, resp.Status, text)
	}
	return err
}
