package flowable

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/riverstones/riverstones/gateway/rest"
	"github.com/riverstones/riverstones/gateway/river"
	"github.com/riverstones/riverstones/gateway/river/variable"
	"github.com/riverstones/riverstones/store"
)

// DefaultMaxDeployment is the default of [Config.MaxDeployment].
const DefaultMaxDeployment = 16 << 20

// Config says where the API is mounted and who may call it. Its zero value is
// the default: at the root, for everybody.
type Config struct {
	// Prefixes are the paths that the API is mounted under, such as
	// /flowable-rest/service or /process-api; "" is the root. The root alone by
	// default. The external worker API is beside each: external-job-api takes
	// the place of a prefix's last segment.
	Prefixes []string
	// Users are the passwords of those who may call, by name. Nobody has to log
	// in if there are none.
	Users map[string]string
	// PublicURL is what the URLs in answers begin with, such as
	// https://flow.example.com/river. By default that follows from the request.
	PublicURL string
	// TrustedProxies are the peers whose X-Forwarded-… headers are believed,
	// nobody by default.
	TrustedProxies []netip.Prefix
	// Values bound what one variable may hold.
	Values variable.Limits
	// MaxDeployment is the greatest deployment in bytes, as it comes and, for
	// an archive, all that is in it: [DefaultMaxDeployment] by default.
	MaxDeployment int64
	// RefuseSerializable answers 415 to every serialized Java object.
	RefuseSerializable bool
}

// Deps are what the API works with.
type Deps struct {
	Runtime Runtime
	Store   Reader
	Now     func() time.Time // the time of day; [time.Now] by default
}

// Runtime is what the API does. A [river.Runtime] does it.
type Runtime interface {
	Deployer
	Instances
	Executions
	Variables
	Tasks
	Workers
}

// Deployer deploys models.
type Deployer interface {
	Deploy(ctx context.Context, d river.NewDeployment) (store.Deployment, []store.Definition, error)
	DeleteDeployment(ctx context.Context, id string, cascade bool) error
}

// Instances starts and ends process instances.
type Instances interface {
	StartInstance(ctx context.Context, s river.Start) (store.Instance, error)
	Suspend(ctx context.Context, instanceID string, suspended bool) (store.Instance, error)
	Terminate(ctx context.Context, instanceID, reason string) error
}

// Executions moves executions.
type Executions interface {
	// Act returns no view if the execution is gone.
	Act(ctx context.Context, executionID string, a river.Action) (*store.ExecutionView, error)
	Broadcast(ctx context.Context, b river.Broadcast) error
}

// Variables reads and writes the variables of an execution.
type Variables interface {
	Variables(ctx context.Context, executionID string, s river.Scope) ([]river.Variable, error)
	VariableOf(ctx context.Context, executionID, name string, s river.Scope) (river.Variable, error)
	SetVariables(ctx context.Context, executionID string, w river.VariableWrite) error
	DeleteVariable(ctx context.Context, executionID, name string, s river.Scope) error
	DeleteLocalVariables(ctx context.Context, executionID string) error
}

// Tasks does what people do with their tasks.
type Tasks interface {
	CompleteTask(ctx context.Context, taskID string, c river.Completion) error
	ClaimTask(ctx context.Context, taskID, user string) error
	DelegateTask(ctx context.Context, taskID, user string) error
	ResolveTask(ctx context.Context, taskID string, vars []river.Var) error
}

// Workers hands jobs to external workers.
type Workers interface {
	AcquireJobs(ctx context.Context, a river.Acquire) ([]river.AcquiredJob, error)
	CompleteJob(ctx context.Context, jobID, worker string, vars []river.Var) error
	ErrorJob(ctx context.Context, jobID, worker, code string, vars []river.Var) error
	FailJob(ctx context.Context, jobID string, f river.JobFailure) error
	UnacquireJobs(ctx context.Context, worker string, jobIDs ...string) error
}

// Reader is what is read from the store; [store.Runtime] says what each does.
type Reader interface { //nolint:interfacebloat // the reading half of one aggregate
	Deployments(ctx context.Context, f store.DeploymentFilter) ([]store.Deployment, int, error)
	Definitions(ctx context.Context, f store.DefinitionFilter) ([]store.Definition, int, error)
	Resource(ctx context.Context, deploymentID, name string) ([]byte, error)
	Instances(ctx context.Context, f store.InstanceFilter) ([]store.Instance, int, error)
	Executions(ctx context.Context, f store.ExecutionFilter) ([]store.ExecutionView, int, error)
	UserTasks(ctx context.Context, f store.UserTaskFilter) ([]store.UserTaskView, int, error)
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, int, error)
	Tree(ctx context.Context, instanceID string) ([]store.Execution, error)
	Variables(ctx context.Context, owners ...string) ([]store.Variable, error)
}

// api is what the handlers share.
type api struct {
	cfg     Config
	runtime Runtime
	store   Reader
	now     func() time.Time
	site    site
	// named has what never changes of a definition: what it is called.
	named *lru.Cache[string, store.Definition]
}

// maxNamed is how many definitions are remembered by name.
const maxNamed = 1000

// Mount adds the routes under every prefix. The error names a setting that can
// not be.
func Mount(r *rest.Router, cfg Config, deps Deps) error {
	cfg, err := cfg.check()
	if err != nil {
		return fmt.Errorf("mount Flowable's API: %w", err)
	}
	named, err := lru.New[string, store.Definition](maxNamed)
	if err != nil {
		return fmt.Errorf("mount Flowable's API: %w", err)
	}
	a := &api{named: named, cfg: cfg, runtime: deps.Runtime, store: deps.Store, now: deps.Now, site: site{public: cfg.PublicURL, trusted: cfg.TrustedProxies}}
	if a.now == nil {
		a.now = time.Now
	}
	if len(cfg.Users) > 0 {
		r.Guard(newLogin(cfg).check)
	}
	var workers []string
	for _, prefix := range cfg.Prefixes {
		a.mountService(&mount{router: r, site: a.site, prefix: prefix, service: prefix})
		if at := workerPrefix(prefix); !slices.Contains(workers, at) {
			workers = append(workers, at)
			a.mountWorkers(&mount{router: r, site: a.site, prefix: at, service: prefix})
		}
	}
	return nil
}

// workerPrefix is where the external worker API is beside a prefix.
func workerPrefix(prefix string) string {
	return path.Join("/", path.Dir(cmp.Or(prefix, "/")), "external-job-api")
}

// check returns the configuration with its defaults, or what is wrong with it.
func (c Config) check() (Config, error) {
	if len(c.Prefixes) == 0 {
		c.Prefixes = []string{""}
	}
	prefixes := make([]string, 0, len(c.Prefixes))
	for _, p := range c.Prefixes {
		p = strings.TrimRight(p, "/")
		if p != "" && (!strings.HasPrefix(p, "/") || path.Clean(p) != p || strings.ContainsAny(p, ":*?#% ")) {
			return c, fmt.Errorf("prefix %q is no plain path: write it as /flowable-rest/service", p)
		}
		if !slices.Contains(prefixes, p) {
			prefixes = append(prefixes, p)
		}
	}
	c.Prefixes = prefixes
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			return c, fmt.Errorf("public URL %q can not begin other URLs: write it as https://flow.example.com", c.PublicURL)
		}
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	for name := range c.Users {
		if name == "" || strings.Contains(name, ":") {
			return c, fmt.Errorf("user %q can not log in: a name is not empty and has no colon", name)
		}
	}
	c.MaxDeployment = cmp.Or(c.MaxDeployment, DefaultMaxDeployment)
	c.Values.MaxBytes = cmp.Or(c.Values.MaxBytes, variable.DefaultMaxBytes)
	return c, nil
}
